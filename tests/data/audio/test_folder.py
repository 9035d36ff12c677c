"""Folders of sounds."""

from __future__ import annotations

import pickle

import pytest
import torch

from weft.data.audio import AudioFolder, read_audio, write_wav

FSDD = r"(?P<label>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)"


def sound(path, level=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, torch.full((80,), level), 8000)


def test_labels_are_the_names_of_sub_folders(tmp_path):
    """Contract: AudioFolder lists sounds by path with the class folder as label, any depth, hidden files left out."""
    for name in ("rock/b.wav", "rock/old/c.WAV", "blues/a.wav", "rock/.hidden.wav", "__MACOSX/x/y.wav", "rock/notes.txt"):
        if name.endswith(".txt"):
            (tmp_path / name).write_text("x")
        else:
            sound(tmp_path / name)
    source = AudioFolder(tmp_path)
    assert [source.key(i) for i in range(len(source))] == ["blues/a.wav", "rock/b.wav", "rock/old/c.WAV"]
    assert [record["label"] for record in source] == ["blues", "rock", "rock"] and source.classes == ("blues", "rock")
    assert source[-1]["path"] == "rock/old/c.WAV" and read_audio(source[0]["audio"])[1] == 8000
    with pytest.raises(IndexError):
        source[3]
    assert pickle.loads(pickle.dumps(source))[1] == source[1]
    unlabelled = AudioFolder(tmp_path / "rock", labels=False)
    assert len(unlabelled) == 2 and "label" not in unlabelled[0]


def test_labels_are_read_from_names(tmp_path):
    for name in ("7_jackson_32", "0_theo_1"):
        sound(tmp_path / f"{name}.wav")
    source = AudioFolder(tmp_path, pattern=FSDD)
    assert {k: v for k, v in source[1].items() if k != "audio"} == {"path": "7_jackson_32.wav", "label": "7", "speaker": "jackson", "index": "32"}
    for odd in ("odd", "7_jackson_32_again"):
        sound(tmp_path / f"{odd}.wav")
        with pytest.raises(ValueError, match=rf"{odd}\.wav.*does not match"):
            AudioFolder(tmp_path, pattern=FSDD)
        (tmp_path / f"{odd}.wav").unlink()
    with pytest.raises(ValueError, match="no group named label"):
        AudioFolder(tmp_path, pattern=r"\d")


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        AudioFolder(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no sounds"):
        AudioFolder(tmp_path)
    sound(tmp_path / "a" / "1.wav")
    with pytest.raises(ValueError, match="a file"):
        AudioFolder(tmp_path / "a" / "1.wav")
    with pytest.raises(ValueError, match="1 class; expected two"):
        AudioFolder(tmp_path)
    sound(tmp_path / "loose.wav")
    with pytest.raises(ValueError, match=r"loose\.wav.*beside the class folders.*labels=False"):
        AudioFolder(tmp_path)


def test_an_unreadable_sound_is_skipped_and_said(tmp_path):
    for name in ("high/a.wav", "high/b.wav", "low/c.wav"):
        sound(tmp_path / name)
    (tmp_path / "low" / "broken.wav").write_bytes(b"RIFF")
    write_wav(tmp_path / "low" / "silent.wav", torch.zeros(0), 8000)
    source = AudioFolder(tmp_path, unreadable="skip")
    assert [record["path"] for record in source] == ["high/a.wav", "high/b.wav", "low/c.wav"] and source.classes == ("high", "low")
    assert [("broken.wav" in text, "silent.wav" in text) for text in source.skipped] == [(True, False), (False, True)]
    assert AudioFolder(tmp_path).skipped == []
    (tmp_path / "low" / "c.wav").unlink()
    with pytest.raises(ValueError, match="1 class"):
        AudioFolder(tmp_path, unreadable="skip")
    for file in (tmp_path / "high").iterdir():
        file.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"None of the 4 sounds.*a\.wav"):
        AudioFolder(tmp_path, unreadable="skip")
    with pytest.raises(ValueError, match="unreadable='ignore'"):
        AudioFolder(tmp_path, unreadable="ignore")
