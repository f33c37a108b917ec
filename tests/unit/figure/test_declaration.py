"""Declarations: what is read, and one clear sentence for all that is wrong with one."""

import itertools
import tomllib
from pathlib import Path

import pytest

from ensemble import Sweep
from ensemble.errors import FigureError, SweepError
from ensemble.plot.figure import Declaration, declarations
from ensemble.plot.figure.check import check
from tests.support.declared import FIGURE, GLASS, written

PAPER = Path(__file__).parents[3] / "workflows" / "artiaco2021"
ALL = list(declarations(PAPER))

SCALES = "\n".join(line for line in FIGURE.splitlines() if "size = [2, 3, 5]" in line)

REPLACED = {
    "no title": ('title = "A small glass, and a walk"', "", "a figure must have a title, but it is missing"),
    "title not a text": ('title = "A small glass, and a walk"', "title = 3", "a figure must have a title"),
    "unknown table": ("[curves.C]", "[curvse.C]", "a figure holds an unknown key 'curvse': did you mean 'curves'?"),
    "unknown key of a curve": ('per = "N"', 'pre = "N"', r"\[curves.alone\] holds .* 'pre': did you mean 'per'?"),
    "unknown key of a fit": ("shifted = false", "shiftd = 1", r"\[fits.departure\] holds .* did you mean 'shifted'?"),
    "unknown key of a law": ("min = 5", "mim = 5", r"\[laws.alpha_even\] holds .* did you mean 'min'?"),
    "former key of a law": ("min = 5", "least = 5", r"\[laws.alpha_even\] holds .*: it is called 'min' now"),
    "unknown key of a derivation": ("fixed = {", "fixd = {", r"\[derived.materials\] holds .* did you mean 'fixed'?"),
    "unknown key of a panel": ('colour = "eps', 'color = "eps', r"\[\[panels\]\] number 1 .* did you mean 'colour'?"),
    "unknown key of a guide": ("power = -1.0", "powre = 1", r"number 1: guides holds .* did you mean 'power'?"),
    "unknown key of a claim": ("error = 0.1", "eror = 0.1", r"\[\[published\]\] number 1 .* did you mean 'error'?"),
    "unknown key of a scale": ("realizations = 40", "realisations = 40", "quick must be a table of realizations, axes"),
    "missing observable": ('observable = "final"', "", r"\[curves.final\] must have observable, but it is missing"),
    "missing law": ('law = "mean"', "", r"\[fits.sign\] must have law, but it is missing"),
    "no sweep file": ('file = "walk.toml"', "", r"\[sweeps.walk\] must have a file, the sweep that it belongs to"),
    "sweep file not there": ("walk.toml", "wlak.toml", "wlak.toml cannot be read: No such file"),
    "no scale": (SCALES, "", r"\[sweeps.walk\] must have a scale, such as quick"),
    "scale not a table": ("{ realizations = 12, axes = { size = [2, 3, 5] } }", "12", "quick must be a table of"),
    "axes not a table": ("axes = { drift = [0.0, 8.0] }", "axes = 5", r"\[sweeps.walk\]: axes must be a table, got 5"),
    "curve of no sweep": ('sweep = "walk"', 'sweep = "wlak"', "sweep must name a part .* did you mean 'walk'?"),
    "fit of no curve": ('of = "final"', 'of = "finale"', r"\[fits.sign\]: of must name .* did you mean 'final'?"),
    "law of no fit": ('of = "short"\npara', 'of = "shirt"\npara', r"\[laws.nothing\]: of must name .* mean 'short'?"),
    "panel of no curve": ('curves = ["isolated"]', 'curves = ["open"]', "panel 2 must name a part .*, got 'open'"),
    "panel of no fit": ('"short", "departure"]', '"shirt"]', "panel 1 must name a part .* did you mean 'short'?"),
    "panel of no law": ('laws = ["nothing"]', 'laws = ["everything"]', "panel 5 must name .*, got 'everything'"),
    "panel of no map": ('map = "materials"', 'map = "material"', "panel 6 must name .* did you mean 'materials'?"),
    "claim of nothing": ('of = "same"\npara', 'of = "sane"\npara', "published 'interactions .* did you mean 'same'?"),
    "a name twice": ("[fits.sign]", "[fits.alpha]", "must differ in name, but 'alpha' is there twice"),
    "panel of nothing": ('curves = ["isolated"]', "", "panel 2 must draw one of curves, values and map"),
    "panel of two things": ('map = "materials"', 'map = "materials"\ncurves = ["C"]', "panel 6 must draw one of"),
    "values of no parameter": ('parameter = "beta"\ninverse', "inverse", "panel 5 must have a parameter"),
    "unknown law": ('law = "mean"', 'law = "maen"', r"\[fits.sign\] must have a law .*'maen': did you mean 'mean'?"),
    "unknown law of sizes": ('law = "extrapolate"', 'law = "power"', r"\[laws.limit\] must have a law .*, got 'power'"),
    "claim without value": ("below = 1e-9", "", "must have a value, or be below or above one"),
    "ratio without to": ("\nto = { epsilon = 0.0 }", "", "a ratio, and nothing else, must have `to`"),
    "to without ratio": ('statistic = "ratio"', "", "a ratio, and nothing else, must have `to`"),
    "unknown statistic": ('statistic = "ratio"', 'statistic = "ration"', "got 'ration': did you mean 'ratio'?"),
    "text of wrong type": ('per = "N"', "per = 7", r"\[curves.alone\]: per must be a text, got 7"),
    "number of wrong type": ("error = 0.1", 'error = "0.1"', "number 1: error must be a number, got '0.1'"),
    "number that is a truth": ("error = 0.1", "error = true", "error must be a number, got True"),
    "truth of wrong type": ("unweighted = true", "unweighted = 1", "unweighted must be true or false, got 1"),
    "table of wrong type": ("fixed = {", "fixed = 3 #", r"\[derived.materials\]: fixed must be a table, got 3"),
    "clock of wrong type": ("clock = { eta = 1e5 }", 'clock = { eta = "1e5" }', "clock.eta must be a number, got '1e"),
    "list of wrong type": ('presets = ["SiO2", "PMMA"]', 'presets = "SiO2"', "presets must be a list of values"),
    "entry of wrong type": ('presets = ["SiO2", "PMMA"]', "presets = [1]", "presets must be a text, got 1"),
    "pair of three": ("xlim = [1e-3, 1e5]", "xlim = [1, 2, 3]", "xlim must be a list of 2 values"),
    "guide not a table": ("guides = [", "guides = [3, ", "guides must be a table, got 3"),
    "guide at time zero": ("span = [1e-1, 1e2] },\n    {", "span = [0, 1] },\n    {", "must lie at times above zero"),
    "unknown scale of axes": ('yscale = "log"', 'yscale = "lgo"', "yscale of a panel must be linear or log, got 'lgo'"),
    "section not a table": ("[sweeps.glass]", "curves = 3\n[sweeps.glass]", "curves must be a table, got 3"),
    "part not a table": ("[sweeps.glass]", "laws.a = 3\n[sweeps.glass]", r"\[laws.a\] must be a table, got 3"),
    "broken TOML": ("[curves.C]", "[curves.C", "is not valid TOML"),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLACED)
def test_a_bad_declaration(case: str, tmp_path: Path) -> None:
    old, new, told = REPLACED[case]
    assert old in FIGURE
    text = FIGURE.replace(old, new, 1)
    if case == "section not a table":
        text = text.partition("[curves.C]")[0]
    elif case == "part not a table":
        text = text.partition("[laws.alpha]")[0]
    path = written(tmp_path, text)
    with pytest.raises(FigureError, match=told) as raised:
        Declaration.read(path)
    assert str(raised.value).startswith((str(path), f"the file {path.parent}"))
    assert "\n" not in str(raised.value).rstrip() or case == "broken TOML"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(FigureError, match="must be UTF-8 text, but byte 9 is not"):
        Declaration.read(tmp_path / "latin.toml")
    with pytest.raises(FigureError, match="cannot be read: No such file"):
        Declaration.read(tmp_path / "nothing.toml")
    written(tmp_path / "sweeps").unlink()
    with pytest.raises(FigureError, match=r"must hold TOML files with a title, but .*sweeps has none"):
        list(declarations(tmp_path / "sweeps"))
    with pytest.raises(FigureError, match="must have a title, but it is missing; a sweep file goes to `ensemble run`"):
        Declaration.read(tmp_path / "sweeps" / "glass.toml")


def test_a_scale_that_is_not_declared(declaration: Declaration) -> None:
    assert declaration.scales() == ["quick", "paper"]
    declaration.check_scale("paper")
    told = "the scale must be one that fig_glass declares, got 'qiuck': did you mean 'quick'?"
    with pytest.raises(FigureError, match=told):
        declaration.check_scale("qiuck")


def test_a_scale_counts_where_all_sweeps_have_it(tmp_path: Path) -> None:
    text = FIGURE.replace("paper = { realizations = 60, axes = { size = [2, 3, 5] } }", "")
    assert Declaration.read(written(tmp_path, text)).scales() == ["quick"]


def test_a_sweep_that_the_model_refuses(tmp_path: Path) -> None:
    bad = Declaration.read(written(tmp_path, FIGURE.replace("N = [4, 5, 6]", "N = [1]")))
    told = r"glass.toml at the scale quick: tls_glass refuses N=1, .* N must be an integer of at least 2"
    with pytest.raises(SweepError, match=told):
        bad.sweeps["glass"].at("quick")
    assert bad.sweeps["glass"].at("paper").realizations == 60


def test_a_sweep_is_its_file_with_other_axes_and_realizations(declaration: Declaration, tmp_path: Path) -> None:
    part = declaration.sweeps["glass"]
    assert part.store == "glass.zarr"
    sweep = part.at("quick")
    assert sweep.axes == {"N": (4, 5, 6), "epsilon": (0.0, 1e-6), "eta": (1e5,)}
    assert (sweep.realizations, sweep.seed, sweep.chunk, list(sweep.observables)) == (40, 2021, 20, ["concurrence"])
    table = tomllib.loads(GLASS)
    axes = {"N": [4, 5, 6], "epsilon": [0.0, 1e-6], "eta": [1e5]}
    assert tomllib.loads(sweep.text) == {**table, "realizations": 40, "axes": axes}
    (tmp_path / "same.toml").write_text(sweep.text)
    assert Sweep.read(tmp_path / "same.toml") == sweep


def test_folders_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ["a1b2", "b", "fig", "fig1", "fig2", "fig2a", "fig10", "fig10a", "fig10b", "fig²", "table1"]
    for name in reversed(names):
        (tmp_path / f"{name}.toml").write_text(f'title = "{name}"')
    (tmp_path / "glass.toml").write_text(GLASS)
    assert [each.name for each in declarations(tmp_path)] == names
    paper = [each.name for each in ALL]
    assert paper.index("fig4") < paper.index("fig8") < paper.index("fig10a") < paper.index("fig10b")


@pytest.mark.parametrize("figure", ALL, ids=lambda each: each.name)
def test_the_figures_of_the_paper_are_valid(figure: Declaration) -> None:
    assert figure.title
    assert figure.panels or figure.published
    assert {"quick", "paper"} <= set(figure.scales()) or not figure.sweeps
    for scale in ("quick", "paper"):
        check(figure, scale)
    for part in figure.sweeps.values():
        quick, paper = part.at("quick"), part.at("paper")
        assert quick.realizations <= paper.realizations
        assert len(quick.points) <= len(paper.points)


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_figures_that_share_a_store_agree(scale: str) -> None:
    parts = [part for figure in ALL for part in figure.sweeps.values()]
    assert len({part.file for part in parts}) < len(parts)
    for one, other in itertools.combinations(parts, 2):
        if one.store == other.store:
            assert one.base == other.base
            asked = [part.at(scale) for part in (one, other)]
            assert len({(each.reference, each.seed, each.chunk, repr(each.parameters)) for each in asked}) == 1
            assert len({(*each.axes, *each.observables) for each in asked}) == 1
            assert all((asked[0].coords[name] == values).all() for name, values in asked[1].coords.items())
