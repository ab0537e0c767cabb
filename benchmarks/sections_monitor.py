"""What the page of benchmarks says of watching cages day and night."""

from __future__ import annotations

from sections import Section

MONITOR_SECTIONS = (
    Section(
        "soak",
        "soak",
        "A day of eight cages",
        "Two million frames through ledger, 3D, measures and store as fast as it goes. Two of the "
        "24 segments of an hour are films that are decoded and looked at; in the others the 2D "
        "points that were once found in that film are played again. Memory is that of all "
        "processes together (pages that they share are counted in each), the median of the second "
        "half of an hour.",
        rows={
            "frames": "soak.frames",
            "frames unaccounted for": "soak.unaccounted",
            "rows of points": "soak.points",
            "rows of poses": "soak.poses",
            "memory, hour 1, MB": "soak.memory_mb_of_hour.1",
            "memory, hour 12, MB": "soak.memory_mb_of_hour.12",
            "memory, hour 24, MB": "soak.memory_mb_of_hour.24",
            "memory, last hour over first, %": "soak.memory_growth_percent",
            "frames per second": "soak.frames_per_second",
        },
        options=("--workers", "2"),
    ),
    Section(
        "faults",
        "faults",
        "Everything that can die, dies",
        "Workers, the main process, the Dask scheduler and PostgreSQL killed, a full disk, "
        "segments deleted, still growing and broken, a clock set back and a camera gone, in random "
        "order; then the same recordings without a fault, and both stores compared row for row. "
        "Files that were deleted or broken before they were read have to be missing, and nothing "
        "else.",
        rows={
            "faults": "faults.injected",
            "segments": "faults.segments",
            "rows": "faults.rows",
            "rows lost": "faults.lost",
            "rows twice": "faults.duplicated",
            "files gone before they were read": "faults.removed_unread",
        },
    ),
    Section(
        "cages",
        "cages",
        "How many cages a machine keeps up with",
        "The whole chain on a real top-view film, 24 frames a second: decode, find, 2D, 3D, gait "
        "and behaviour, ledger and store. Shares of the time are those of the thread that leads a "
        "stage: while it finds mice, others decode and run the network beside it. What 10,000 "
        "cages need assumes that all grows alike: machines of 2 cores at 0.08 an hour, a megabit "
        "a second from each camera, 0.02 for a GB kept for a month; network and prices are "
        "assumptions, the rest is measured. The two processors of the machine here are "
        "hyperthreads of one core, which is less than two cores.",
        rows={
            "cages, one machine": "cages_per_machine",
            "time: finding mice, decoding and networks beside it, %": "cages.percent.points.find",
            "time: waiting for the network, %": "cages.percent.points.network",
            "time: 3D, %": "cages.percent.poses.solve",
            "time: learning the animal, once, %": "cages.percent.poses.learn",
            "time: gait, %": "cages.percent.measures.gait",
            "frames/s, 1 Dask worker": "dask.frames_per_second.1",
            "frames/s, 2 Dask workers": "dask.frames_per_second.2",
            "2 Dask workers over 1": "dask.speedup_2",
            "10,000 cages: machines": "cages.project_10000.machines",
            "10,000 cages: network, Gbit/s": "cages.project_10000.gbit_per_second",
            "10,000 cages: store, TB a day": "cages.project_10000.tb_a_day",
            "10,000 cages: stages/s of the ledger": "cages.project_10000.stages_per_second",
            "cost of a cage and day": "cages.project_10000.cost_per_cage_day",
        },
    ),
)
