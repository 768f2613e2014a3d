"""How good a judge is, on pairs it has not learned from."""
