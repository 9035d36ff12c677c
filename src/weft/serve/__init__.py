"""Networks leave the house here: as a bundle (one file for strangers) and as a server (one route a verb)."""

from weft._lazy import attach

TABLE = {"noise_codec": "weft.serve.noise_codec:NoiseCodec"}
KIND = "codec"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Bundle": "weft.serve.bundle:Bundle",
        "BundleError": "weft.serve.archive:BundleError",
        "Limits": "weft.serve.limits:Limits",
        "application": "weft.serve.server:application",
        "new_key": "weft.serve.signature:new_key",
        "serve": "weft.serve.server:serve",
        "sign": "weft.serve.signature:sign",
    },
)


def examples() -> dict[str, object]:
    """A tiny codec by its catalogue name."""
    from weft.serve.noise_codec import NoiseCodec

    return {"noise_codec": NoiseCodec(shape=[4])}
