from datetime import UTC, datetime, timedelta

import pytest

from tocsin.kernel import clock
from tocsin.kernel.clock import OffsetClock, SystemClock, VirtualClock
from tocsin.kernel.errors import BadSettings
from tocsin.kernel.ids import new_id, secret_code
from tocsin.kernel.settings import Settings, load, secret

START = datetime(2021, 1, 5, 18, tzinfo=UTC)


def test_a_virtual_clock_moves_only_when_told_and_never_back() -> None:
    virtual = VirtualClock(START)
    with clock.use(virtual):
        assert clock.now() == clock.now() == START
        virtual.advance(timedelta(minutes=30))
        assert clock.now() == START + timedelta(minutes=30)
        with pytest.raises(ValueError, match="cannot go back"):
            virtual.move_to(START)
    assert clock.now() > START + timedelta(days=365)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A machine whose two clocks stand where the test puts them."""
    at = {"wall": 10_000.0, "steady": 50.0}
    monkeypatch.setattr("time.time", lambda: at["wall"])
    monkeypatch.setattr("time.monotonic", lambda: at["steady"])
    return at


def test_where_the_machine_steps_back_time_goes_on_slower_until_it_has_caught_up(
    machine: dict[str, float],
) -> None:
    system, told = SystemClock(), []
    steps = [(0, 0), (600, -3600), (600, 600), (33_000, 33_000), (8_000, 8_000)]  # steady, wall
    for steady, wall in steps:
        machine["steady"] += steady
        machine["wall"] += wall
        told.append(system.now().timestamp())
    assert told == [10_000, 10_540, 11_080, 40_780, 48_000]
    assert machine["wall"] == 48_000, "it has caught up"


def test_a_process_that_starts_after_the_step_goes_on_from_what_was_recorded(
    machine: dict[str, float],
) -> None:
    with clock.use(SystemClock()):
        clock.not_before(datetime.fromtimestamp(13_600, UTC))
        assert clock.now().timestamp() == 13_600
        assert clock.ahead() == timedelta(hours=1)
        machine["steady"] += 10
        assert clock.now().timestamp() == 13_609
        clock.not_before(datetime.fromtimestamp(9, UTC))
        assert clock.now().timestamp() == 13_609


def test_an_offset_clock_runs_at_another_date() -> None:
    moved = OffsetClock(timedelta(days=-2000)).now()
    assert timedelta(days=1999) < clock.now() - moved < timedelta(days=2001)


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        VirtualClock(datetime(2021, 1, 5))  # noqa: DTZ001 - that is the point


def test_ids_sort_by_time_and_differ() -> None:
    ids = [new_id("rpt", START + timedelta(milliseconds=i)) for i in range(100)]
    assert ids == sorted(ids)
    assert len({new_id("rpt", START) for _ in range(10_000)}) == 10_000
    assert all(len(i) == 24 for i in ids)
    assert len(secret_code()) == 19


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"TOCSIN_COLOUR": "red"}, "TOCSIN_COLOUR"),
        ({"TOCSIN_PORT": "eighty"}, "port"),
        ({"TOCSIN_DEBUG": "perhaps"}, "debug"),
        ({"TOCSIN_TIMEZONE": "Mars/Olympus"}, "timezone"),
        (
            {"TOCSIN_SMTP_PASSWORD": "a", "TOCSIN_SMTP_PASSWORD_FILE": "b"},
            "TOCSIN_SMTP_PASSWORD_FILE",
        ),
        ({"TOCSIN_SMTP_PASSWORD_FILE": "/nowhere"}, "TOCSIN_SMTP_PASSWORD_FILE"),
    ],
)
def test_settings_are_strict_and_name_the_key(environ: dict[str, str], field: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(environ)
    assert caught.value.field == field
    assert caught.value.cure


def test_settings_from_file_environment_and_secret_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "t.toml").write_text('port = 9000\nallowed_hosts = ["a", "b"]\nhost = "0.0.0.0"\n')
    (tmp_path / "pw").write_text("hush\n")
    environ = {
        "TOCSIN_HOST": "127.0.0.2",
        "TOCSIN_SMTP_PASSWORD_FILE": str(tmp_path / "pw"),
        "PATH": "/bin",
    }
    s = load(environ, tmp_path / "t.toml")
    assert (s.port, s.allowed_hosts, s.host, s.smtp_password) == (
        9000,
        ("a", "b"),
        "127.0.0.2",
        "hush",
    )
    (tmp_path / "bad.toml").write_text("prot = 1\n")
    with pytest.raises(BadSettings, match="no such setting"):
        load({}, tmp_path / "bad.toml")


def test_a_secret_is_made_once_and_kept_private(tmp_path) -> None:  # type: ignore[no-untyped-def]
    s = Settings(data_dir=tmp_path)
    first = secret(s, "secret_key")
    assert len(first) > 40
    assert secret(s, "secret_key") == first
    assert (tmp_path / "secrets" / "secret_key").stat().st_mode & 0o077 == 0
    assert secret(Settings(secret_key="given"), "secret_key") == "given"
