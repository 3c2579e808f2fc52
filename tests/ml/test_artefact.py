from ml import artefact


def test_the_code_version_covers_the_package_and_its_folders(tmp_path, monkeypatch):
    (tmp_path / "candidates").mkdir()
    model, candidate = tmp_path / "model.py", tmp_path / "candidates" / "rule.py"
    model.write_text("a = 1")
    candidate.write_text("b = 1")
    monkeypatch.setattr(artefact, "__file__", str(tmp_path / "artefact.py"))
    first = artefact.code_version()
    assert artefact.code_version() == first
    candidate.write_text("b = 2")
    assert artefact.code_version() != first
    candidate.write_text("b = 1")
    candidate.rename(tmp_path / "candidates" / "other_rule.py")
    assert artefact.code_version() != first
