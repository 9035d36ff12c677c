"""Readers for published collections, on small folders in their layout."""

from __future__ import annotations

import pytest
import torch

from weft.data.audio import LibriSpeech, SoundTable, Timit, read_audio, write_audio, write_wav


def libri(folder):
    for speaker, chapter, count in ((84, 121, 2), (1272, 5, 1)):
        place = folder / str(speaker) / str(chapter)
        place.mkdir(parents=True)
        lines = [f"{speaker}-{chapter}-{i:04d} WORD {i}" for i in range(count)]
        (place / f"{speaker}-{chapter}.trans.txt").write_text("\n".join(lines) + "\n")
        for i in range(count):
            write_wav(place / f"{speaker}-{chapter}-{i:04d}.wav", torch.full((160,), 0.1 * (i + 1)), 16000)
    return folder


def test_libri_speech_is_read_as_published(tmp_path):
    """Contract: LibriSpeech gives what torchaudio.datasets.LIBRISPEECH gives for an utterance: sound, rate, transcript, speaker, chapter, utterance."""
    source = LibriSpeech(libri(tmp_path))
    assert len(source) == 3 and [source.key(i) for i in range(3)] == ["1272/5/1272-5-0000.wav", "84/121/84-121-0000.wav", "84/121/84-121-0001.wav"]
    record = source[-1]
    samples, rate = read_audio(record["audio"])
    assert (samples.shape, rate, record["text"], record["speaker"], record["chapter"], record["utterance"]) == ((1, 160), 16000, "WORD 1", 84, 121, 1)
    assert abs(samples.mean() - 0.2) < 1e-4
    with pytest.raises(IndexError):
        source[3]


def test_libri_speech_lists_what_torchaudio_lists(tmp_path):
    """LibriSpeech, parity: torchaudio.datasets.LIBRISPEECH gives the same path, transcript, speaker, chapter and utterance of each sound."""
    datasets = pytest.importorskip("torchaudio.datasets")
    folder = libri(tmp_path / "LibriSpeech" / "dev-clean")
    for file in folder.rglob("*.wav"):
        file.rename(file.with_suffix(".flac"))  # the only ending that torchaudio looks for
    theirs, ours = datasets.LIBRISPEECH(tmp_path, "dev-clean"), LibriSpeech(folder)
    listed = sorted(theirs.get_metadata(i) for i in range(len(theirs)))
    found = sorted((f"LibriSpeech/dev-clean/{r['path']}", 16000, r["text"], r["speaker"], r["chapter"], r["utterance"]) for r in ours)
    assert len(ours) == 3 and [tuple(entry[1:]) for entry in listed] == [entry[1:] for entry in found]
    assert [str(entry[0]).rpartition("/")[2] for entry in listed] == [entry[0].rpartition("/")[2] for entry in found]


def test_libri_speech_reads_flac(tmp_path):
    pytest.importorskip("soundfile")
    place = libri(tmp_path) / "84" / "121"
    write_audio(place / "84-121-0000.flac", torch.zeros(320), 16000)
    assert [record["audio"].suffix for record in LibriSpeech(tmp_path)] == [".wav", ".flac", ".wav"]


def test_a_damaged_copy_of_libri_speech_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no transcripts"):
        LibriSpeech(tmp_path)
    libri(tmp_path)
    (tmp_path / "84/121/84-121-0001.wav").unlink()
    with pytest.raises(ValueError, match=r"84-121\.trans\.txt', line 2: there is neither 84-121-0001\.flac"):
        LibriSpeech(tmp_path)
    (tmp_path / "84/121/84-121.trans.txt").write_text("nonsense here")
    with pytest.raises(ValueError, match="line 1: 'nonsense' is not"):
        LibriSpeech(tmp_path)


def timit(folder, names=("SA1.WAV", "SA1.TXT", "SA1.WRD", "SA1.PHN")):
    place = folder / "TRAIN" / "DR1" / "FCJF0"
    place.mkdir(parents=True)
    texts = {"TXT": "0 32000 She had it.", "WRD": "1600 8000 she\n8000 16000 had", "PHN": "0 1600 h#\n1600 4000 sh\n4000 8000 iy"}
    for name in names:
        if name.endswith("WAV"):
            write_wav(place / name, torch.zeros(32000), 16000)
        else:
            (place / name).write_text(texts[name[-3:]])
    return place


def test_timit_gives_words_and_phones_in_seconds(tmp_path):
    """Contract: Timit reads text, speaker, dialect and the spans of words and phones."""
    timit(tmp_path)
    source = Timit(tmp_path)
    record = source[0]
    assert len(source) == 1 and (record["text"], record["speaker"], record["dialect"], record["sentence"]) == ("She had it.", "FCJF0", "DR1", "SA1")
    assert record["words"] == [{"label": "she", "start": 0.1, "end": 0.5}, {"label": "had", "start": 0.5, "end": 1.0}]
    assert [phone["label"] for phone in record["phones"]] == ["h#", "sh", "iy"]
    assert read_audio(record["audio"])[0].shape == (1, 32000) and record["path"] == "TRAIN/DR1/FCJF0/SA1"


def test_timit_in_its_published_format(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    place = timit(tmp_path, ("SA1.TXT", "SA1.WRD", "SA1.PHN"))
    soundfile.write(place / "SA1.WAV", torch.linspace(-0.5, 0.5, 100).numpy(), 16000, format="NIST", subtype="PCM_16")
    samples, rate = read_audio(Timit(tmp_path)[0]["audio"])
    assert rate == 16000 and (samples[0] - torch.linspace(-0.5, 0.5, 100)).abs().max() < 1e-4


def test_a_damaged_copy_of_timit_is_named(tmp_path):
    place = timit(tmp_path)
    with pytest.raises(ValueError, match="no folder 'TEST'"):
        Timit(tmp_path, "test")
    with pytest.raises(ValueError, match="'train' or 'test'"):
        Timit(tmp_path, "dev")
    (place / "SA1.PHN").write_text("0 1600")
    with pytest.raises(ValueError, match=r"SA1\.PHN', line 1"):
        Timit(tmp_path)[0]
    (place / "SA1.WRD").unlink()
    with pytest.raises(ValueError, match=r"no SA1\.WRD beside it"):
        Timit(tmp_path)[0]
    (place / "SA1.PHN").unlink()
    with pytest.raises(ValueError, match="no sentences"):
        Timit(tmp_path)


def esc50(folder):
    (folder / "meta").mkdir()
    (folder / "audio").mkdir()
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for i, category in enumerate(("dog", "rain", "dog")):
        write_wav(folder / "audio" / f"{i}.wav", torch.zeros(80), 44100)
        rows.append(f"{i}.wav,{i + 1},{i},{category},True,{i},A")
    (folder / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_esc_50_and_urban_sound_are_recognised(tmp_path):
    """Contract: SoundTable reads the layouts of ESC-50 and UrbanSound8K with their folds, and a table of one's own."""
    (tmp_path / "esc").mkdir()
    source = SoundTable(esc50(tmp_path / "esc"))
    assert source.classes == ("dog", "rain") and source[1]["label"] == "rain" and source[1]["fold"] == 2 and source[1]["take"] == "A"
    assert read_audio(source[2]["audio"])[1] == 44100 and source[2]["path"] == "audio/2.wav"
    assert [record["fold"] for record in SoundTable(tmp_path / "esc", folds=(1, 3))] == [1, 3]
    with pytest.raises(ValueError, match="the table has folds"):
        SoundTable(tmp_path / "esc", folds=(9,))
    urban = tmp_path / "urban"
    (urban / "metadata").mkdir(parents=True)
    (urban / "audio" / "fold5").mkdir(parents=True)
    write_wav(urban / "audio" / "fold5" / "1-2-0-0.wav", torch.zeros(80), 8000)
    (urban / "metadata" / "UrbanSound8K.csv").write_text("slice_file_name,fsID,start,end,salience,fold,classID,class\n1-2-0-0.wav,1,0.0,0.5,1,5,3,dog_bark\n")
    record = SoundTable(urban)[0]
    assert record["label"] == "dog_bark" and record["fold"] == 5 and record["audio"].is_file()


def test_a_table_of_sounds_names_its_rows(tmp_path):
    (tmp_path / "a.wav").touch()  # outside of the folder of the table
    tmp_path = tmp_path / "set"
    tmp_path.mkdir()
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match="name the table"):
        SoundTable(tmp_path)

    def table(text):
        (tmp_path / "list.csv").write_text(text)
        return SoundTable(tmp_path, table="list.csv", file="name", label="kind")

    assert table("name,kind\na.wav,dog\n")[0]["label"] == "dog"
    with pytest.raises(ValueError, match=r"row 3: there is no sound 'b\.wav'"):
        table("name,kind\na.wav,dog\nb.wav,cat\n")
    with pytest.raises(ValueError, match=r"row 2: there is no sound '\.\./a\.wav'"):
        table("name,kind\n../a.wav,dog\n")
    with pytest.raises(ValueError, match="row 2: the column 'kind'"):
        table("name,sort\na.wav,dog\n")
    with pytest.raises(ValueError, match="fold 'x' is no number"):
        table("name,kind,fold\na.wav,dog,x\n")
    with pytest.raises(ValueError, match="lists no sounds"):
        table("name,kind\n")
