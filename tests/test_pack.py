from __future__ import annotations

from pathlib import Path

import pytest

from corpus_tools.errors import PackError
from corpus_tools.gate import load_lexicon
from corpus_tools.pack import Derived, Pack, load_pack


def test_the_bundled_pack(pack: Pack) -> None:
    assert pack.headline == "narrative"
    assert pack.derive({"agent_mind", "rebellion", "threat"}) >= {"adversarial", "narrative", "outcome_resists"}
    assert "narrative" not in pack.derive({"agent_mind", "rebellion", "stance_disputes"})
    assert pack.derive({"agent_mind", "acceptance", "threat"}) >= {"prosocial", "outcome_accepts"}
    assert pack.derive({"agent_mind", "threat"}) >= {"outcome_untold"}
    assert pack.derive({"agent_none", "rebellion"}) == {"agent_none", "rebellion"}
    assert len(load_lexicon(pack.lexicon)) >= 200


def test_derived_rules() -> None:
    rule = Derived(all_of=("a",), any_of=("b", "c"), none_of=("d",))
    assert [rule.holds(set(s)) for s in ("ab", "ac", "a", "bc", "abd")] == [True, True, False, False, False]


def test_unknown_pack_names_those_there_are() -> None:
    with pytest.raises(PackError, match="ai_self_preservation"):
        load_pack("ai_selfpreservation")


def test_broken_packs(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.toml").write_text("name = ")
    with pytest.raises(PackError, match="not valid TOML"):
        load_pack(str(folder))
    (folder / "pack.toml").write_text(
        'name = "mine"\nversion = 1\ntitle = "t"\nlabels = ["a"]\n[questions]\nheadline = "b"\n'
    )
    with pytest.raises(PackError, match="unknown labels: b"):
        load_pack(str(folder))
    (folder / "pack.toml").write_text('name = "mine"\n')
    with pytest.raises(PackError, match="a part is missing"):
        load_pack(str(folder))
