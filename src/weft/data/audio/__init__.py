"""Sound: files, resampling, frames, spectra, features, augmentation, loudness, streams, and the codec that hands sound to a network.

Samples are float32 in [-1, 1], (T,) or (C, T), batches (B, T) or (B, C, T); features (B, features, frames). Times are in seconds, levels in
decibels. Transforms with ``raw = True`` change one record before the codec encodes it, since its length changes or since the codec makes
features; the others work on batches. ``attend`` (B, T) is True where a padded record really is.
"""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "audio_folder": "weft.data.audio.folder:AudioFolder",
    "libri_speech": "weft.data.audio.corpora:LibriSpeech",
    "sound_table": "weft.data.audio.corpora:SoundTable",
    "timit": "weft.data.audio.corpora:Timit",
    "audio_codec": "weft.data.audio.codec:AudioCodec",
}
KIND = {
    "audio_folder": "source",
    "libri_speech": "source",
    "sound_table": "source",
    "timit": "source",
    "audio_codec": "codec",
}
EXTRA = {
    "Stft": "weft.data.audio.spectrum:Stft",
    "WavInfo": "weft.data.audio.wav:WavInfo",
    "audio_blocks": "weft.data.audio.audio_file:audio_blocks",
    "audio_info": "weft.data.audio.audio_file:audio_info",
    "decibels": "weft.data.audio.mel:decibels",
    "frame_signal": "weft.data.audio.framing:frame_signal",
    "griffin_lim": "weft.data.audio.spectrum:griffin_lim",
    "hz_to_mel": "weft.data.audio.mel:hz_to_mel",
    "is_cola": "weft.data.audio.framing:is_cola",
    "istft": "weft.data.audio.spectrum:istft",
    "mel_filters": "weft.data.audio.mel:mel_filters",
    "mel_spectrogram": "weft.data.audio.mel:mel_spectrogram",
    "mel_to_hz": "weft.data.audio.mel:mel_to_hz",
    "mfcc": "weft.data.audio.mel:mfcc",
    "overlap_add": "weft.data.audio.framing:overlap_add",
    "phase_vocoder": "weft.data.audio.spectrum:phase_vocoder",
    "read_audio": "weft.data.audio.audio_file:read_audio",
    "read_wav": "weft.data.audio.wav:read_wav",
    "resample": "weft.data.audio.resample:resample",
    "spectrogram": "weft.data.audio.spectrum:spectrogram",
    "stft": "weft.data.audio.spectrum:stft",
    "wav_blocks": "weft.data.audio.wav:wav_blocks",
    "wav_bytes": "weft.data.audio.wav:wav_bytes",
    "wav_info": "weft.data.audio.wav:wav_info",
    "waveform": "weft.data.audio.audio_file:waveform",
    "window_of": "weft.data.audio.framing:window_of",
    "write_audio": "weft.data.audio.audio_file:write_audio",
    "write_wav": "weft.data.audio.wav:write_wav",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """The codec with records to fit it on. The sources need files, so their docstrings make some."""
    import torch

    from weft.data.audio import codec

    sounds = [{"audio": torch.sin(torch.arange(1600) * 0.1 * (1 + i)), "sample_rate": 8000, "label": "ab"[i % 2]} for i in range(4)]
    return {"audio_codec": (codec.AudioCodec(sample_rate=8000, num_features=20), sounds)}
