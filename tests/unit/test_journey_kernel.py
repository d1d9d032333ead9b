"""The wire format of kernels, and what a student would see of a cell."""

import json

import pytest

from localcloud.journey import kernel as module
from localcloud.journey.failure import StepFailed
from localcloud.journey.kernel import Kernel, decode_v1, encode_v1
from tests.doubles.hub_kernel import KernelDouble, message


def test_binary_format_matches_the_protocol_of_jupyter_server() -> None:
    # Made with jupyter_server 2.21.1: serialize_msg_to_ws_v1([b"{}", b"{}", b"{}",
    # b'{"a":1}'], "shell")
    recorded = b"".join(n.to_bytes(8, "little") for n in (6, 56, 61, 63, 65, 67, 74))
    recorded += b'shell{}{}{}{"a":1}'
    decoded = decode_v1(recorded)
    assert decoded["channel"] == "shell"
    assert decoded["content"] == {"a": 1}
    again = decode_v1(encode_v1(message("shell", "status", {"execution_state": "idle"}, "7")))
    assert again["header"]["msg_type"] == "status"
    assert again["parent_header"] == {"msg_id": "7"}


@pytest.mark.parametrize("binary", [True, False])
def test_a_cell_gathers_prints_and_results_of_its_own_only(
    binary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = KernelDouble(binary)
    double.answers = [
        ("iopub", "stream", {"name": "stdout", "text": "of another cell"}, "other"),
        ("iopub", "stream", {"name": "stdout", "text": "4"}, None),
        ("iopub", "stream", {"name": "stderr", "text": "warning"}, None),
        ("iopub", "execute_result", {"data": {"text/plain": "2"}}, None),
        ("shell", "execute_reply", {"status": "ok"}, None),
        ("iopub", "status", {"execution_state": "idle"}, None),
    ]
    monkeypatch.setattr(module, "connect", lambda *_arguments: double)
    with Kernel(None, "http://hub/user/ana/api/kernels/1") as kernel:  # type: ignore[arg-type]
        result = kernel.execute("print(6*7)")
    assert (result.text, result.error) == ("42", "")
    assert double.closed
    assert double.asked["content"]["code"] == "print(6*7)"


def test_an_error_in_a_cell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    double = KernelDouble(binary=False)
    double.answers = [
        ("iopub", "error", {"ename": "ModuleNotFoundError", "evalue": "No module 'x'"}, None),
        ("iopub", "status", {"execution_state": "idle"}, None),
        ("shell", "execute_reply", {"status": "error"}, None),
    ]
    monkeypatch.setattr(module, "connect", lambda *_arguments: double)
    result = Kernel(None, "http://hub/k").execute("import x")  # type: ignore[arg-type]
    assert result.error == "ModuleNotFoundError: No module 'x'"


def test_a_silent_kernel_is_a_finding_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    double = KernelDouble(binary=False)
    monkeypatch.setattr(module, "connect", lambda *_arguments: double)
    with pytest.raises(StepFailed) as failure:
        Kernel(None, "http://hub/k").execute("1", timeout=5)  # type: ignore[arg-type]
    assert failure.value.problem_id == "journey_kernel_silent"
    assert failure.value.data == {"seconds": "5"}


def test_pings_do_not_begin_the_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    double = KernelDouble(binary=False)
    double.pings = True
    monkeypatch.setattr(module, "connect", lambda *_arguments: double)
    with pytest.raises(StepFailed) as failure:
        Kernel(None, "http://hub/k").execute("1", timeout=0.2)  # type: ignore[arg-type]
    assert failure.value.problem_id == "journey_kernel_silent"


def test_a_kernel_that_ends_by_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    double = KernelDouble(binary=True)
    double.answers = [("iopub", "status", {"execution_state": "restarting"}, "other")]
    monkeypatch.setattr(module, "connect", lambda *_arguments: double)
    with pytest.raises(StepFailed) as failure:
        Kernel(None, "http://hub/k").execute("1")  # type: ignore[arg-type]
    assert failure.value.problem_id == "journey_kernel_died"


def test_default_format_is_json_with_empty_buffers() -> None:
    double = KernelDouble(binary=False)
    double.send(json.dumps(message("shell", "execute_request", {"code": "1"}, "")))
    assert double.asked["header"]["msg_type"] == "execute_request"
