from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys; sys.modules['transformers'] = None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_missing_framework_is_told_with_the_way_to_install_it() -> None:
    done = run(WITHOUT + "from footprint.integrations.transformers import FootprintCallback")
    assert done.returncode == 1
    assert "pip install 'footprint[transformers]'" in done.stderr.splitlines()[-1]


def test_it_can_be_caught_as_what_it_is() -> None:
    for error in ("ImportError", "footprint.FootprintError"):
        code = f"import footprint\ntry: import footprint.integrations.transformers\nexcept {error}: print('caught')"
        assert run(WITHOUT.replace("; ", "\n") + code).stdout == "caught\n"


def test_the_package_loads_no_framework() -> None:
    done = run("import sys, footprint.integrations; print(*{m.split('.')[0] for m in sys.modules})")
    assert not {"torch", "transformers", "numpy"} & set(done.stdout.split())


def test_a_framework_too_old_is_told_in_a_line_before_anything_runs() -> None:
    for name, needed in (("transformers", "4.46"), ("accelerate", "1.1")):
        old = f"import sys, types; sys.modules['{name}'] = old = types.ModuleType('{name}'); old.__version__ = '0.9.1'; "
        stubs = "old.TrainerCallback = object; hook = sys.modules['torch.optim.optimizer'] = types.ModuleType('hook'); "
        parts = "sys.modules['torch'] = sys.modules['torch.optim'] = hook; hook.register_optimizer_step_post_hook = None; "
        done = run(f"{old}{stubs}{parts}import footprint.integrations.{name}")
        assert done.returncode == 1
        assert f"{name} 0.9.1 is too old: {needed} or newer is needed" in done.stderr.splitlines()[-1]


def test_accelerate_that_is_missing_is_told_with_its_own_extra() -> None:
    done = run("import sys; sys.modules['accelerate'] = None; import footprint.integrations.accelerate")
    assert "pip install 'footprint[accelerate]'" in done.stderr.splitlines()[-1]
