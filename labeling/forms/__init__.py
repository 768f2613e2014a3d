"""What people send, checked before an action sees it: a file for each page or desk."""
