from simulation.families import NUMBER, Kind, load_shop, maker

SHOP = load_shop()
KINDS = [kind for kinds in SHOP.families.values() for kind in kinds]


def test_shop_has_sixteen_families_of_the_default_locale_and_some_of_others() -> None:
    locales = [kinds[0].locale for kinds in SHOP.families.values()]
    assert locales.count("us") >= 16
    assert {"es", "jp"} < set(locales)


def test_every_family_has_a_main_kind_an_alternative_and_an_accessory() -> None:
    for key, kinds in SHOP.families.items():
        assert {kind.role for kind in kinds} == {"main", "alternative", "accessory"}, key
        assert len({kind.locale for kind in kinds}) == 1, key


def test_every_value_can_be_listed_and_asked_for() -> None:
    for kind in KINDS:
        for trait in kind.traits:
            assert len(trait.values) >= 2, (kind.name, trait.name)
            for value in trait.values:
                assert all(trait.listed[value]), (kind.name, trait.name, value)
                assert all(trait.asked[value]), (kind.name, trait.name, value)


def test_values_of_one_trait_are_told_apart_by_their_words() -> None:
    for kind in KINDS:
        for trait in kind.traits:
            for words in (trait.listed, trait.asked):
                said = [phrase for phrases in words.values() for phrase in phrases]
                assert len(set(said)) == len(said), (kind.name, trait.name)


def test_near_traits_are_numbers_with_a_unit() -> None:
    near = [trait for kind in KINDS for trait in kind.traits if trait.severity == "near"]
    assert near
    assert all(NUMBER.fullmatch(value) for trait in near for value in trait.values)


def test_units_are_written_in_several_ways() -> None:
    bottle = next(kind for kind in KINDS if kind.name == "Water Bottle")
    capacity = bottle.trait("capacity")
    assert capacity is not None
    assert set(capacity.asked["24 oz"]) == {"24oz", "24 oz", "24 ounce"}


def test_models_belong_to_the_brands_that_make_them() -> None:
    phone = next(kind for kind in KINDS if kind.name == "Smartphone")
    case = next(kind for kind in KINDS if kind.name == "Phone Case")
    model, fits = phone.trait("model"), case.trait("fits")
    assert model is not None
    assert fits is not None
    assert model.values == fits.values
    assert {maker(value, phone) for value in model.values} == set(phone.brands)
    assert not set(case.brands) & set(phone.brands)


def test_vague_queries_have_several_readings_in_their_locale() -> None:
    for vague in SHOP.vague:
        assert len(vague.kinds) >= 2
        assert {kind.locale for kind in vague.kinds} == {vague.locale}


def test_brands_are_not_words_of_another_family() -> None:
    owner: dict[str, str] = {}
    for kind in KINDS:
        for brand in kind.brands:
            assert owner.setdefault(brand, kind.family) == kind.family, brand


def test_kinds_with_a_name_of_the_type_from_a_brand_sell_that_brand() -> None:
    generic: list[Kind] = [kind for kind in KINDS if kind.generic]
    assert generic
    for kind in generic:
        assert any(kind.generic[0].startswith(brand.lower()) for brand in kind.brands), kind.name
