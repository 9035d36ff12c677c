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
    "background_mix": "weft.data.audio.augment:BackgroundMix",
    "change_speed": "weft.data.audio.warp:ChangeSpeed",
    "noise_at_snr": "weft.data.audio.augment:NoiseAtSNR",
    "normalize_loudness": "weft.data.audio.loudness:NormalizeLoudness",
    "on_waveform": "weft.data.audio.warp:OnWaveform",
    "pitch_shift": "weft.data.audio.warp:PitchShift",
    "random_gain": "weft.data.audio.augment:RandomGain",
    "reverb": "weft.data.audio.augment:Reverb",
    "spec_augment": "weft.data.audio.spec_augment:SpecAugment",
    "time_shift": "weft.data.audio.augment:TimeShift",
    "time_stretch": "weft.data.audio.warp:TimeStretch",
    "trim_silence": "weft.data.audio.silence:TrimSilence",
}
KIND = {
    "audio_folder": "source",
    "libri_speech": "source",
    "sound_table": "source",
    "timit": "source",
    "audio_codec": "codec",
    "background_mix": "transform",
    "change_speed": "transform",
    "noise_at_snr": "transform",
    "normalize_loudness": "transform",
    "on_waveform": "transform",
    "pitch_shift": "transform",
    "random_gain": "transform",
    "reverb": "transform",
    "spec_augment": "transform",
    "time_shift": "transform",
    "time_stretch": "transform",
    "trim_silence": "transform",
}
EXTRA = {
    "FeatureStream": "weft.data.audio.streaming:FeatureStream",
    "FrameStream": "weft.data.audio.streaming:FrameStream",
    "JitterBuffer": "weft.data.audio.streaming:JitterBuffer",
    "Latency": "weft.data.audio.streaming:Latency",
    "SignalStream": "weft.data.audio.streaming:SignalStream",
    "Stft": "weft.data.audio.spectrum:Stft",
    "WavInfo": "weft.data.audio.wav:WavInfo",
    "active_frames": "weft.data.audio.silence:active_frames",
    "audio_blocks": "weft.data.audio.audio_file:audio_blocks",
    "audio_info": "weft.data.audio.audio_file:audio_info",
    "autocorrelation_pitch": "weft.data.audio.pitch:autocorrelation_pitch",
    "chroma": "weft.data.audio.features:chroma",
    "cmvn": "weft.data.audio.features:cmvn",
    "constant_q": "weft.data.audio.pitch:constant_q",
    "decibels": "weft.data.audio.mel:decibels",
    "delta_features": "weft.data.audio.features:delta_features",
    "frame_level": "weft.data.audio.features:frame_level",
    "frame_signal": "weft.data.audio.framing:frame_signal",
    "fuse_features": "weft.data.audio.fusion:fuse_features",
    "griffin_lim": "weft.data.audio.spectrum:griffin_lim",
    "hz_to_mel": "weft.data.audio.mel:hz_to_mel",
    "is_cola": "weft.data.audio.framing:is_cola",
    "istft": "weft.data.audio.spectrum:istft",
    "latency": "weft.data.audio.streaming:latency",
    "limit_peaks": "weft.data.audio.loudness:limit_peaks",
    "lufs": "weft.data.audio.loudness:lufs",
    "mel_filters": "weft.data.audio.mel:mel_filters",
    "mel_spectrogram": "weft.data.audio.mel:mel_spectrogram",
    "mel_to_hz": "weft.data.audio.mel:mel_to_hz",
    "mfcc": "weft.data.audio.mel:mfcc",
    "normalize_loudness": "weft.data.audio.loudness:normalize_loudness",
    "onset_strength": "weft.data.audio.features:onset_strength",
    "overlap_add": "weft.data.audio.framing:overlap_add",
    "phase_vocoder": "weft.data.audio.spectrum:phase_vocoder",
    "pitch_shift": "weft.data.audio.warp:pitch_shift",
    "read_audio": "weft.data.audio.audio_file:read_audio",
    "read_wav": "weft.data.audio.wav:read_wav",
    "resample": "weft.data.audio.resample:resample",
    "rms_level": "weft.data.audio.loudness:rms_level",
    "sound_spans": "weft.data.audio.silence:sound_spans",
    "spectral_bandwidth": "weft.data.audio.features:spectral_bandwidth",
    "spectral_centroid": "weft.data.audio.features:spectral_centroid",
    "spectral_rolloff": "weft.data.audio.features:spectral_rolloff",
    "spectrogram": "weft.data.audio.spectrum:spectrogram",
    "stft": "weft.data.audio.spectrum:stft",
    "tempo": "weft.data.audio.features:tempo",
    "tempogram": "weft.data.audio.features:tempogram",
    "time_stretch": "weft.data.audio.warp:time_stretch",
    "wav_blocks": "weft.data.audio.wav:wav_blocks",
    "wav_bytes": "weft.data.audio.wav:wav_bytes",
    "wav_info": "weft.data.audio.wav:wav_info",
    "waveform": "weft.data.audio.audio_file:waveform",
    "window_of": "weft.data.audio.framing:window_of",
    "write_audio": "weft.data.audio.audio_file:write_audio",
    "write_wav": "weft.data.audio.wav:write_wav",
    "yin": "weft.data.audio.pitch:yin",
    "zero_crossing_rate": "weft.data.audio.features:zero_crossing_rate",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """The codec with records to fit it on; each transform with a batch, or with one record where it is raw. The sources need files, so their
    docstrings make some."""
    import torch

    from weft.data.audio import augment, codec, loudness, silence, spec_augment, warp

    sounds = [{"audio": torch.sin(torch.arange(1600) * 0.1 * (1 + i)), "sample_rate": 8000, "label": "ab"[i % 2]} for i in range(4)]
    lengths = torch.tensor([600, 400, 600, 1])
    batch = {"input": torch.rand(4, 1, 600) - 0.5, "attend": torch.arange(600) < lengths[:, None], "target": torch.tensor([0, 1, 2, 0])}
    batch["input"] = batch["input"] * batch["attend"][:, None]
    spectra = {"input": torch.rand(4, 20, 30), "target": torch.tensor([0, 1, 2, 0])}
    return {
        "audio_codec": (codec.AudioCodec(sample_rate=8000, num_features=20), sounds),
        "background_mix": (augment.BackgroundMix([torch.rand(50), torch.rand(2, 900)]), batch),
        "change_speed": (warp.ChangeSpeed(), sounds[0]),
        "noise_at_snr": (augment.NoiseAtSNR(), batch),
        "normalize_loudness": (loudness.NormalizeLoudness(), batch),
        "on_waveform": (warp.OnWaveform([augment.NoiseAtSNR()]), sounds[0]),
        "pitch_shift": (warp.PitchShift(), batch),
        "random_gain": (augment.RandomGain(), batch),
        "reverb": (augment.Reverb(sample_rate=8000), batch),
        "spec_augment": (spec_augment.SpecAugment(frequency_width=5, time_width=10), spectra),
        "time_shift": (augment.TimeShift(sample_rate=8000), batch),
        "time_stretch": (warp.TimeStretch(), sounds[0]),
        "trim_silence": (silence.TrimSilence(), sounds[0]),
    }
