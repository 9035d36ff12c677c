"""Many processes: joining a group, exact sums over ranks, bucketed reduction that overlaps with backward, launching ranks."""

from weft._lazy import attach

TABLE: dict[str, str] = {}
KIND = "parallel"

__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Reducer": "weft.parallel.reduce:Reducer",
        "sum_loss": "weft.parallel.reduce:sum_loss",
        "Runtime": "weft.parallel.runtime:Runtime",
        "graceful": "weft.parallel.interrupt:graceful",
        "add_up": "weft.parallel.reduce:add_up",
        "same_everywhere": "weft.parallel.reduce:same_everywhere",
        "gather": "weft.parallel.reduce:gather",
        "leave": "weft.parallel.launch:leave",
        "join": "weft.parallel.launch:join",
        "launch": "weft.parallel.launch:launch",
    },
)
