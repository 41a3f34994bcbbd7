"""Indexing, asking and looking after a collection, as commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail

Paint = Callable[..., Path]


def test_an_indexed_folder_is_searched_by_file_stdin_id_and_path(
    vitrail: Vitrail, folder: Path, paint: Paint
) -> None:
    done = vitrail.index(folder)
    assert "5 new, 0 rejected" in done.err
    query = paint("../query.png", (250, 5, 5))

    by_file = vitrail("search", query, "--k", 2)
    assert by_file.names == ["red.png", "crimson.png"]
    assert "exact" in by_file.err
    assert vitrail("search", "-", "-k", 2, stdin=query.read_bytes()).names == by_file.names

    red = vitrail("search", query, "--json").json["hits"][0]
    by_id = vitrail("search", red["id"])
    assert by_id.names[0] == "crimson.png"
    assert "red.png" not in by_id.names, "the image asked about is no answer"

    by_path = vitrail("search", folder / "warm" / "red.png")
    assert by_path.names[:2] == ["red.png", "crimson.png"]
    (folder / "warm" / "red.png").unlink()  # known by its path although the file is gone
    assert vitrail("search", folder / "warm" / "red.png").names[0] == "crimson.png"


def test_json_tells_the_scores_and_how_the_answer_was_found(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--label-from", "parent")
    answer = vitrail("search", folder / "warm" / "red.png", "--json", "--k", 1).json
    (hit,) = answer["hits"]
    assert answer["exact"] is True
    assert answer["candidates"] == 5
    assert hit["score"] == pytest.approx(1, abs=1e-5)
    assert hit["scores"] == {"mean@1": pytest.approx(1, abs=1e-5)}
    assert hit["metadata"]["label"] == "warm"
    assert hit["metadata"]["width"] == 16
    assert hit["paths"] == [str(folder / "warm" / "red.png")]


def test_spaces_are_weighed(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--space", "mean@1", "--space", "mean@2")
    query = folder / "cold" / "navy.png"

    def scores(spaces: str) -> list[tuple[float, dict[str, float]]]:
        hits = vitrail("search", query, "--json", "--space", spaces).json["hits"]
        return [(hit["score"], hit["scores"]) for hit in hits]

    assert all(set(own) == {"mean@2"} for _, own in scores("mean@2"))
    weighed = scores("mean@1:3,mean@2:1")
    for score, own in weighed:
        assert score == pytest.approx(0.75 * own["mean@1"] + 0.25 * own["mean@2"], abs=1e-5)
    assert weighed[1] == scores("mean@1:0.75,mean@2:0.25")[1]


def test_threshold_and_filters_leave_hits_out(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--label-from", "parent")
    query = folder / "warm" / "red.png"
    assert vitrail("search", query, "--min-score", 0.9).names == ["red.png", "crimson.png"]
    cold = vitrail("search", query, "--where", "label = 'cold'")
    assert sorted(cold.names) == ["blue.png", "green.png", "navy.png"]
    assert "3 images pass the filter" in cold.err
    one = vitrail("search", query, "--where", "name = 'red.png'")
    assert "exact; 1 vector compared; 1 image passes the filter" in one.err
    none = vitrail("search", query, "--where", "width > 99")
    assert (none.code, none.out) == (0, "")
    assert "no image passes the filter" in none.err
    assert len(vitrail("search", query, "--only", "real").names) == 5
    assert vitrail("search", query, "--only", "generated").names == []
    both = vitrail("search", query, "--only", "real", "--where", "label = 'warm' or false -- ok")
    assert both.names == ["red.png", "crimson.png"]


def test_a_second_run_opens_nothing_and_follows_what_left_the_disk(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder)
    assert "0 new, 0 rejected, 5 unchanged, 0 gone" in vitrail("index", folder).err
    (folder / "cold" / "blue.png").rename(folder / "blue.png")
    (folder / "cold" / "green.png").unlink()
    again = vitrail("index", folder)
    assert "0 new, 1 moved, 0 rejected, 3 unchanged, 1 gone" in again.err
    assert vitrail("info", "--json").json["images"] == 4
    quiet = vitrail("index", folder, "--quiet")
    assert (quiet.out, quiet.err) == ("", "")


def test_a_quiet_run_tells_how_many_files_were_rejected(vitrail: Vitrail, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "empty.jpg").touch()
    quiet = vitrail("index", folder, "--checkpoint", CHECKPOINT, "-q")
    told = 'vitrail: 2 files rejected; the reasons: "vitrail rejects"\n'
    assert quiet == (0, "", told)
    assert len(vitrail("rejects").out.splitlines()) == 2


def test_info_tells_people_and_programs_the_same(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    told = vitrail("info", "--json").json
    assert told["images"] == told["files"] == 5
    assert told["spaces"]["mean@1"]["dim"] == 12
    shown = vitrail("info").out
    assert f"encoder       {CHECKPOINT}" in shown
    assert "5 (0 generated)" in shown


def test_a_removed_image_is_gone_and_stays_gone(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    red = folder / "warm" / "red.png"
    assert vitrail("remove", red, "2").out == "removed 2 images\n"
    assert len(vitrail("search", red).names) == 3
    vitrail("index", folder)
    assert len(vitrail("search", red).names) == 3
    assert red.exists()


def test_bad_files_are_listed_with_their_reasons(vitrail: Vitrail, folder: Path) -> None:
    (folder / "empty.png").touch()
    whole = (folder / "warm" / "red.png").read_bytes()
    (folder / "cut\tand\nbroken.png").write_bytes(whole[:-30])
    done = vitrail.index(folder)
    assert "5 new, 2 rejected" in done.err
    assert "vitrail rejects" in done.err
    lines = vitrail("rejects").out.splitlines()
    assert len(lines) == 2, "a name's own line break makes no line"
    assert {line.split("\t")[0] for line in lines} == {"empty", "truncated"}
    listed = vitrail("rejects", "--json").json
    assert {os.path.basename(item["path"]) for item in listed} == {
        "empty.png",
        "cut\tand\nbroken.png",
    }


def test_own_columns_join_by_path_and_filter(
    vitrail: Vitrail, folder: Path, tmp_path: Path
) -> None:
    vitrail.index(folder)
    table = tmp_path / "own.csv"
    table.write_text("path,mood,stars\npictures/warm/red.png,angry,5\nnowhere.png,calm,1\n")
    told = vitrail("annotate", table)
    assert "1 image annotated with mood, stars" in told.out
    assert "nowhere.png" in told.out
    query = folder / "cold" / "navy.png"
    hit = vitrail("search", query, "--where", "mood = 'angry' and stars > 4", "--json").json
    assert [h["metadata"]["mood"] for h in hit["hits"]] == ["angry"]


def test_an_export_reads_back_into_another_collection(
    vitrail: Vitrail, folder: Path, tmp_path: Path
) -> None:
    vitrail.index(folder, "--label-from", "parent")
    file, other = tmp_path / "all.parquet", tmp_path / "other"
    assert vitrail("export", file).out == f"5 images written to {file}\n"
    assert pq.read_table(file).num_rows == 5
    told = f"5 images read from {file}: 5 new, 0 known already, 5 files gained\n"
    assert vitrail("import", file, "-c", other).out == told
    query = folder / "warm" / "red.png"
    assert vitrail("search", query, "-c", other).names == vitrail("search", query).names
    vitrail.fails("export", file, code=2, says=["exists already"])
    vitrail.fails("import", query, code=2, says=["no exported collection"])
    vitrail.fails("import", tmp_path / "none.parquet", code=2, says=["none.parquet"])
    vitrail.fails("export", tmp_path / "none" / "x.parquet", code=2, says=["no folder"])


def test_verify_finds_damage_and_repair_mends_it(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    assert vitrail("verify").code == 0
    (segment,) = vitrail.home.glob("segments/*.parquet")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)

    broken = vitrail("verify")
    assert broken.code == 4
    assert segment.name in broken.out
    assert vitrail("verify", "--json").json["clean"] is False
    refused = vitrail("verify", "--repair")
    assert refused.code == 1
    assert segment.exists()
    assert "Images that leave, until their folders are indexed again (5):" in refused.err
    assert refused.err.splitlines()[-1].startswith("vitrail: nothing was changed")
    assert "--yes" in refused.err
    mended = vitrail("verify", "--repair", "--yes")
    assert mended.code == 0, mended
    assert "files to index again" in mended.out
    vitrail("index", folder)
    assert len(vitrail("search", folder / "warm" / "red.png").names) == 5
    assert vitrail("verify").code == 0


def test_repair_brings_back_a_deleted_catalog(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    (vitrail.home / "catalog.duckdb").unlink()
    assert vitrail("verify").code == 4
    assert vitrail("verify", "--repair").code == 0
    assert len(vitrail("search", folder / "warm" / "red.png").names) == 5


def test_the_last_parts_of_a_path_name_an_image_everywhere(
    vitrail: Vitrail, folder: Path, paint: Paint, tmp_path: Path
) -> None:
    paint("cold/red.png", (0, 0, 255))
    vitrail.index(folder)
    by_name = vitrail("search", "crimson.png", "--k", 1)
    assert by_name.names == ["red.png"], by_name
    assert vitrail("search", "warm/red.png", "--k", 1).names == ["crimson.png"]
    assert str(folder / "cold" / "navy.png") in vitrail("lineage", "navy.png").out
    table = tmp_path / "own.csv"
    table.write_text("path,mood\nnavy.png,calm\n")
    assert "1 image annotated" in vitrail("annotate", table).out
    for words in (["search"], ["remove"], ["lineage"], ["reproduce"]):
        says = ["'red.png' ends the paths of 2 images", str(folder / "cold" / "red.png")]
        vitrail.fails(*words, "red.png", code=2, says=says)
    assert vitrail("remove", "warm/red.png", "navy.png").out == "removed 2 images\n"


def test_words_that_name_no_picture_are_taken_for_a_prompt(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    vitrail.fails("search", "a red apple", code=2, says=['words say: --prompt "a red apple"'])
    vitrail.fails("search", 'a "red" apple', code=2, says=["--prompt 'a \"red\" apple'"])
    vitrail.fails("search", "apple", code=2, says=['--prompt "apple"'])
    for name in ("apple.jpg", "~/apple", "fruit/apple", "12345"):
        said = vitrail.fails("search", name, code=2, says=["check the spelling"])
        assert "--prompt" not in said


@pytest.mark.parametrize(
    "option",
    [("--seeds", "4"), ("--background", "3"), ("--model", "embedded")],
    ids=lambda o: o[0],
)
def test_what_is_for_prompts_is_refused_without_one(
    vitrail: Vitrail, folder: Path, option: tuple[str, str]
) -> None:
    vitrail.index(folder)
    query = folder / "warm" / "red.png"
    vitrail.fails("search", query, *option, code=2, says=[*option, "is for --prompt", "leave it"])


MISUSE: list[tuple[list[str], list[str]]] = [
    (["--k", "0"], ["--k is 0", "at least 1"]),
    (["--space", "cls@12"], ["'cls@12'", "mean@1"]),
    (["--space", "mean@1:x"], ["weight 'x'", "number above 0"]),
    (["--where", "colour = 'red'"], ["'colour'", "it has", "label"]),
    (["--where", "label ="], ["'label ='", "cannot be read"]),
    (["--where", "1; drop table images"], ["more than one expression"]),
    (["--where", ""], ["the filter is empty"]),
    (["--min-score", "2"], ["2.0", "between -1 and 1"]),
    (["--only", "painted"], ["'painted'", "all, generated, real"]),
    (["--fusion", "max"], ["'max'", "mean, rrf"]),
    (["--html", "/none/of/this.html"], ["/none/of/this.html", "choose another"]),
]


def test_an_unusable_question_is_refused_in_one_line(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    for words, says in MISUSE:
        vitrail.fails("search", folder / "warm" / "red.png", *words, code=2, says=says)


def test_what_is_no_picture_is_refused_by_name(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    text = folder / "notes.txt"
    text.write_text("not a picture")
    vitrail.fails("search", text, code=2, says=["notes.txt", "no supported image format"])
    vitrail.fails("search", folder, code=2, says=[str(folder), "it is a folder"])
    vitrail.fails("search", "-", code=2, says=["standard input was empty"])
    vitrail.fails("search", "-", code=2, says=["standard input cannot be used"], stdin=b"text")
    vitrail.fails("search", "nowhere.png", code=2, says=["'nowhere.png'", "check the spelling"])
    vitrail.fails("search", "999", code=2, says=["'999'"])
    vitrail.fails("search", code=2, says=["an image, --text TEXT, --prompt TEXT or --random"])
    vitrail.fails("remove", "999", code=2, says=["'999'"])


def test_a_collection_keeps_to_one_encoder(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    vitrail.fails(
        "index", folder, "--checkpoint", "colours-2", code=1, says=["colours [", "colours-2 ["]
    )
    vitrail.fails("index", folder, "--space", "mean@2", code=1, says=["mean@1", "mean@2"])


def test_what_was_never_known_is_a_reject_and_nothing_more(vitrail: Vitrail, folder: Path) -> None:
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    told = vitrail.index(folder)
    assert "1 rejected" in told.err
    assert "not readable" not in told.err


def test_an_answer_without_hits_tells_why(vitrail: Vitrail, folder: Path, tmp_path: Path) -> None:
    red = folder / "warm" / "red.png"
    (tmp_path / "none").mkdir()
    vitrail.index(tmp_path / "none")
    empty = vitrail("search", red, "--where", "width > 5")
    assert (empty.code, empty.err) == (0, "no hits: the collection holds no images\n")
    assert vitrail("list", "--where", "width > 5").err == "the collection holds no images\n"
    vitrail.index(folder)
    high = vitrail("search", folder / "cold" / "navy.png", "--min-score", "1", "--only", "real")
    assert high.names == ["navy.png"]
    image_id = high.out.split("\t")[1]
    best = vitrail("search", image_id, "--json", "--k", 1).json["hits"][0]["score"]
    above = vitrail("search", image_id, "--min-score", "0.999")
    told = f"no hits: no score reaches 0.999; the best is {best:.4f}\nexact; 5 vectors compared\n"
    assert above.err == told
    assert vitrail("search", image_id, "--min-score", "0.999", "--json").json["reason"] in told
    own = vitrail("search", image_id, "--where", f"id = {image_id}")
    assert own.err.startswith("no hits: only the query's own image passes the filter\n")
    none = vitrail("search", red, "--where", "width > 99")
    assert none.err.startswith("no hits: no image passes the filter\n  ")
    made = "the collection holds no generated images\n"
    assert vitrail("search", red, "--only", "generated").err == f"no hits: {made}"
    assert vitrail("list", "--only", "generated").err == made
    assert vitrail("search", red, "--json", "--k", 1).json["reason"] is None


@pytest.mark.parametrize("width", [80, 60])
def test_a_table_tells_how_many_copies_a_hit_has(
    vitrail: Vitrail, folder: Path, width: int
) -> None:
    red = folder / "warm" / "red.png"
    for name in ("one.png", "two.png"):
        shutil.copy(red, folder / "cold" / name)
    shutil.copy(folder / "cold" / "navy.png", folder / "warm" / "navy.png")
    vitrail.index(folder)
    for words in (["search", red], ["list"]):
        lines = vitrail.at(width, *words).out.splitlines()
        (more,) = (line for line in lines if "(+2 copies)" in line)
        assert more.endswith("one.png  (+2 copies)")
        assert sum("(+1 copy)" in line for line in lines) == 1
        assert sum("cop" in line for line in lines) == 2
        assert all(len(line) <= width or line.startswith("in /") for line in lines), lines
    (hit,) = vitrail("search", red, "--k", 1, "--json").json["hits"]
    assert sorted(map(os.path.basename, hit["paths"])) == ["one.png", "red.png", "two.png"]
    assert "cop" not in vitrail("search", red).out, "in a pipe the columns stay the same"
