"""`render --out`: what a sync would delete is said, and not written without a word."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run


def bytes_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_team_taken_out_is_refused_and_nothing_is_written(run: Run, acme: Path, home: Path) -> None:
    run("render", "my-platform", "--out", "tree").ok()
    before = bytes_in(home / "tree")
    (acme / "teams/nlp.yaml").unlink()
    refused = run("render", "my-platform", "--out", "tree")
    assert refused.code == 6
    assert refused.out == ""
    assert "a sync would delete 15 objects each" in refused.err
    assert "RoleBinding.rbac.authorization.k8s.io nlp/allotment-owner" in refused.err
    assert "allot team remove" in refused.err
    assert "--allow-prune" in refused.err
    assert bytes_in(home / "tree") == before
    allowed = run("render", "my-platform", "--out", "tree", "--allow-prune").ok()
    assert "a sync would leave 8 objects each that the tree no longer holds" in allowed
    assert not (home / "tree/base/teams/nlp").exists()
    assert "a sync would" not in run("render", "my-platform", "--out", "tree").ok()


def test_one_cluster_rendered_over_the_tree_of_all_is_refused(run: Run, acme: Path, home: Path) -> None:
    assert acme.exists()
    run("render", "my-platform", "--out", "tree").ok()
    before = bytes_in(home / "tree")
    refused = run("render", "my-platform", "--out", "tree", "--cluster", "dev-eastus")
    assert refused.code == 6
    assert "training-eastus: no longer in the tree" in refused.err
    assert bytes_in(home / "tree") == before


def test_a_program_reads_what_is_lost(run: Run, acme: Path) -> None:
    assert run("render", "my-platform", "--out", "tree", "-o", "json").json()["lost"] == []
    (acme / "teams/nlp.yaml").unlink()
    told = run("render", "my-platform", "--out", "tree", "--allow-prune", "-o", "json").json()["lost"]
    assert {"cluster", "left", "deleted", "kept"} == set(told[0])
    assert "Namespace nlp" in told[0]["kept"]


def test_a_slurm_is_said_to_be_passed_over_and_where_it_is_used(run: Run, acme: Path) -> None:
    calls = (
        ("render", "my-platform", "--out", "tree"),
        ("plan", "my-platform", "--cluster", "dev-eastus", "--offline"),
    )
    said = "nothing is rendered for or applied to Slurm hpc: `allot submit --on hpc` and `allot why` use it"
    for call in calls:
        assert run(*call).err.count(said) == 1, call
    (acme / "clusters/hpc.yaml").unlink()
    for call in calls:
        assert "Slurm" not in run(*call).err, call
