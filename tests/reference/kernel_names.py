"""CPU names as kernels print them, with what their makers' data sheets say: `python -m tests.reference.kernel_names`.

A name maps to the TDP of the chip in watts, to a pair of watts where no data sheet exists (what its public siblings and third
parties have, so that the right answer is a figure between them of grade `assumed`), or to None where the name means no single
chip: there the right answer is that it is not known.
"""

from __future__ import annotations

from typing import Final

from footprint.reference import Cpu, find_cpu

Truth = float | tuple[float, float] | None

KERNEL_NAMES: Final[dict[str, Truth]] = {
    # Servers
    "Intel(R) Xeon(R) CPU           X5670  @ 2.93GHz": 95,
    "Intel(R) Xeon(R) CPU E5-2650 0 @ 2.00GHz": 95,
    "Intel(R) Xeon(R) CPU E5-2670 v2 @ 2.50GHz": 115,
    "Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz": 85,
    "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz": 120,
    "Intel(R) Xeon(R) CPU E5-2697A v4 @ 2.60GHz": 145,
    "Intel(R) Xeon(R) CPU E5-2698 v4 @ 2.20GHz": 135,
    "Intel(R) Xeon(R) CPU E3-1230 v6 @ 3.50GHz": 72,
    "Intel(R) Xeon(R) CPU E3-1220 V2 @ 3.10GHz": 69,
    "Intel(R) Xeon(R) CPU E7-8880 v4 @ 2.20GHz": 150,
    "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz": 150,
    "Intel(R) Xeon(R) Gold 6230R CPU @ 2.10GHz": 150,
    "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz": 205,
    "Intel(R) Xeon(R) Silver 4210R CPU @ 2.40GHz": 100,
    "Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz": 205,
    "Intel(R) Xeon(R) Platinum 8358 CPU @ 2.60GHz": 250,
    "Intel(R) Xeon(R) Platinum 8480+": 350,
    "Intel(R) Xeon(R) Platinum 8462Y+": 300,
    "INTEL(R) XEON(R) PLATINUM 8592+": 350,
    "INTEL(R) XEON(R) GOLD 6548Y+": 250,
    "Intel(R) Xeon(R) 6980P": 500,
    "Intel(R) Xeon(R) 6767P": 350,
    "Intel(R) Xeon(R) 6780E": 330,
    "Intel(R) Xeon(R) D-2146NT CPU @ 2.30GHz": 80,
    "Intel(R) Xeon(R) W-2295 CPU @ 3.00GHz": 165,
    "Intel(R) Xeon(R) w9-3495X": 350,
    "AMD Opteron(tm) Processor 6276                 ": 115,
    "Quad-Core AMD Opteron(tm) Processor 2382": 115,
    "AMD EPYC 7551P 32-Core Processor": 180,
    "AMD EPYC 7402P 24-Core Processor": 180,
    "AMD EPYC 7742 64-Core Processor": 225,
    "AMD EPYC 7H12 64-Core Processor": 280,
    "AMD EPYC 7763 64-Core Processor": 280,
    "AMD EPYC 75F3 32-Core Processor": 280,
    "AMD EPYC 9654 96-Core Processor": 360,
    "AMD EPYC 9754 128-Core Processor": 360,
    "AMD EPYC 9965 192-Core Processor": 500,
    "AMD EPYC 8534P 64-Core Processor": 200,
    # Clouds
    "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz": (135, 165),
    "Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz": (120, 150),
    "Intel(R) Xeon(R) Platinum 8124M CPU @ 3.00GHz": (200, 250),
    "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz": (200, 250),
    "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz": (165, 240),
    "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz": (205, 250),
    "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz": (250, 300),
    "Intel(R) Xeon(R) Platinum 8488C": (350, 385),
    "Intel(R) Xeon(R) 6975P-C": (400, 550),
    "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz": (205, 270),
    "Intel(R) Xeon(R) Platinum 8272CL CPU @ 2.60GHz": (165, 205),
    "Intel(R) Xeon(R) Platinum 8171M CPU @ 2.60GHz": (165, 208),
    "INTEL(R) XEON(R) PLATINUM 8573C": (330, 385),
    "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz": (350, 385),
    "Intel(R) Xeon(R) Platinum 8173M CPU @ 2.00GHz": (150, 205),
    "Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz": (195, 205),
    "AMD EPYC 7571": (170, 200),
    "AMD EPYC 7R32": (225, 280),
    "AMD EPYC 7R13 Processor": (225, 280),
    "AMD EPYC 9R14": (320, 400),
    "AMD EPYC 7V12 64-Core Processor": (225, 280),
    "AMD EPYC 7V13 64-Core Processor": (225, 280),
    "AMD EPYC 7V73X 64-Core Processor": (225, 280),
    "AMD EPYC 9V74 80-Core Processor": (290, 400),
    "AMD EPYC 7B12": (225, 280),
    "AMD EPYC 7B13": (225, 280),
    "AMD EPYC 9B14": (320, 400),
    "AWS Graviton2 (Neoverse-N1)": (80, 180),
    "AWS Graviton3 (Neoverse-V1)": (80, 180),
    "Ampere(R) Altra(R) Processor Q80-30": 210,
    "NVIDIA Grace (Neoverse-V2)": (200, 250),
    # Desks and laps
    "Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz": 65,
    "Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz": 130,
    "Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz": 91,
    "Intel(R) Core(TM) i9-9900K CPU @ 3.60GHz": 95,
    "Intel(R) Core(TM) i9-10980XE CPU @ 3.00GHz": 165,
    "11th Gen Intel(R) Core(TM) i7-11700K @ 3.60GHz": 125,
    "12th Gen Intel(R) Core(TM) i9-12900K": 125,
    "12th Gen Intel(R) Core(TM) i7-12700K": 125,
    "12th Gen Intel(R) Core(TM) i5-12400F": 65,
    "13th Gen Intel(R) Core(TM) i9-13900K": 125,
    "Intel(R) Core(TM) i9-14900K": 125,
    "Intel(R) Core(TM) Ultra 9 285K": 125,
    "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz": 15,
    "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz": 28,
    "12th Gen Intel(R) Core(TM) i7-12700H": 45,
    "Intel(R) Core(TM) Ultra 7 155H": 28,
    "Intel(R) Celeron(R) J4125 CPU @ 2.00GHz": 10,
    "Intel(R) N100": 6,
    "AMD FX(tm)-8350 Eight-Core Processor            ": 125,
    "AMD Ryzen 5 3600 6-Core Processor": 65,
    "AMD Ryzen 9 5950X 16-Core Processor            ": 105,
    "AMD Ryzen 9 7950X 16-Core Processor": 170,
    "AMD Ryzen 7 4800H with Radeon Graphics": 45,
    "AMD Ryzen 7 PRO 4750U with Radeon Graphics": 15,
    "AMD Ryzen 7 5800H with Radeon Graphics         ": 45,
    "AMD Ryzen 7 7840U w/ Radeon  780M Graphics": 28,
    "AMD Ryzen AI 9 HX 370 w/ Radeon 890M": 28,
    "AMD Ryzen Threadripper 3970X 32-Core Processor": 280,
    "AMD Ryzen Threadripper PRO 5995WX 64-Cores": 280,
    "AMD Ryzen Threadripper PRO 7995WX 96-Cores": 350,
    # No single chip
    "Intel(R) Xeon(R) CPU @ 2.20GHz": None,
    "Intel(R) Xeon(R) Processor @ 2.70GHz": None,
    "Intel Xeon Processor (Skylake, IBRS)": None,
    "Intel Xeon Processor (Cascadelake)": None,
    "Intel Core Processor (Broadwell, no TSX, IBRS)": None,
    "AMD EPYC": None,
    "AMD EPYC Processor (with IBPB)": None,
    "AMD EPYC-Rome Processor": None,
    "AMD EPYC-Milan Processor": None,
    "QEMU Virtual CPU version 2.5+": None,
    "Common KVM processor": None,
    "Virtual CPU 82d9ed4018dd": None,
    "DO-Regular": None,
    "Westmere E56xx/L56xx/X56xx (Nehalem-C)": None,
    "Neoverse-N1": None,
    "Neoverse-V2": None,
    "Cortex-A72": None,
    "Cortex-A76": None,
    "POWER9, altivec supported": None,
    "Apple M1 Pro": None,
    "Genuine Intel(R) CPU 0000 @ 2.00GHz": None,
}


def verdict(truth: Truth, tdp_w: float | None, grade: str = "declared") -> str:
    """`right`, `unknown` where a chip is not found that there is, or `wrong`."""
    if tdp_w is None:
        return "right" if truth is None else "unknown"
    if isinstance(truth, tuple):
        return "right" if truth[0] <= tdp_w <= truth[1] and grade == "assumed" else "wrong"
    return "right" if tdp_w == truth else "wrong"


def ours(name: str) -> tuple[float | None, str]:
    """Our watts of a chip, and how they are known."""
    found: Cpu | None = find_cpu(name)
    return (found.tdp_w, found.grade) if found else (None, "declared")


def score() -> dict[str, list[str]]:
    """The names by verdict."""
    found: dict[str, list[str]] = {"right": [], "unknown": [], "wrong": []}
    for name, truth in KERNEL_NAMES.items():
        found[verdict(truth, *ours(name))].append(name)
    return found


def codecarbons() -> dict[str, list[str]]:
    """The names by verdict on the watts that CodeCarbon's own look-up gives, its figures of cloud-only chips taken as stated."""
    from codecarbon.core.cpu import TDP
    from codecarbon.input import DataSource

    table = DataSource().get_cpu_power_data()  # type: ignore[no-untyped-call]
    look_up = object.__new__(TDP)  # its initialiser looks up this machine's CPU
    found: dict[str, list[str]] = {"right": [], "unknown": [], "wrong": []}
    for name, truth in KERNEL_NAMES.items():
        match = look_up._get_matching_cpu(name, table)
        tdp_w = float(look_up._get_cpu_constant_power(match, table)) if match else None
        found[verdict(truth, tdp_w, "assumed")].append(f"{name} -> {match} {tdp_w}")
    return found


def main() -> None:
    """Print both scores, and the names that are not right."""
    for who, found in (("footprint", score()), ("CodeCarbon's look-up", codecarbons())):
        print(f"{who}: of {len(KERNEL_NAMES)} names " + ", ".join(f"{len(names)} {word}" for word, names in found.items()))
        for word in ("wrong", "unknown"):
            print(*(f"  {word}: {name}" for name in found[word]), sep="\n", end="\n" if found[word] else "")


if __name__ == "__main__":
    main()
