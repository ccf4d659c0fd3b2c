"""Periods in words: what each name comes to, and the laws that hold for all of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import ConfigError
from footprint.report.periods import NAMES, Period, Span, before, in_iso, is_name, period, told

NOW = datetime(2026, 11, 22, 4, 10, 30, tzinfo=UTC)  # a Sunday

NOWS = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
WHATS = st.sampled_from(["week", "month", "year"])


def day(stated: str) -> datetime:
    return datetime.fromisoformat(stated).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "begin", "end", "figures"),
    [
        ("today", "2026-11-22", "2026-11-23", "2026-11-22"),
        ("yesterday", "2026-11-21", "2026-11-22", "2026-11-21"),
        ("this-week", "2026-11-16", "2026-11-23", "2026-11-16 to 2026-11-22"),
        ("last-week", "2026-11-09", "2026-11-16", "2026-11-09 to 2026-11-15"),
        ("this-month", "2026-11-01", "2026-12-01", "2026-11"),
        ("last-month", "2026-10-01", "2026-11-01", "2026-10"),
        ("this-year", "2026-01-01", "2027-01-01", "2026"),
        ("last-year", "2025-01-01", "2026-01-01", "2025"),
        (" Last-Month ", "2026-10-01", "2026-11-01", "2026-10"),
        ("2026-11-03", "2026-11-03", None, "from 2026-11-03 on"),
        ("2026-10", "2026-10-01", None, "from 2026-10-01 on"),
        ("2026", "2026-01-01", None, "from 2026-01-01 on"),
        ("12h", "2026-11-21T16:10:30", None, "from 2026-11-21 16:10 on"),
        ("7d", "2026-11-15T04:10:30", None, "from 2026-11-15 04:10 on"),
        ("4w", "2026-10-25T04:10:30", None, "from 2026-10-25 04:10 on"),
    ],
)
def test_what_is_stated(since: str, begin: str, end: str | None, figures: str) -> None:
    found = period(since, None, NOW)
    assert found == Period(day(begin), None if end is None else day(end))
    assert told(found) == figures
    assert is_name(since) == (end is not None)


def test_an_end_is_where_something_begins_and_goes_before_that_of_a_name() -> None:
    assert period(None, "last-month", NOW) == Period(None, day("2026-10-01"))
    assert period("last-year", "last-month", NOW) == Period(day("2025-01-01"), day("2026-10-01"))
    assert period("2026-10", "2026-11", NOW) == period("last-month", None, NOW)
    assert period(None, None, NOW) == Period()
    assert told(Period()) == "all time"
    assert told(Period(None, day("2026-10-01"))) == "before 2026-10-01"


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("lastmonth", "did you mean last-month?"),
        ("last month", "did you mean last-month?"),
        ("yestreday", "did you mean yesterday?"),
        ("soon", "no day like 2026-11-03"),
        ("", "no day like 2026-11-03"),
        ("2026-13", "no such day"),
        ("2026-02-30", "no such day"),
        ("0000", "no such day"),
        ("999999w", "too long ago"),
        ("9999999w", "no day like"),
        ("٢٠٢٦", "no day like"),
        ("7m", "no day like"),
        ("2026-11-03T12", "no day like"),
        ("\x1b[31m<b>\n2026", "no day like"),
    ],
)
def test_anything_else_is_one_line_with_the_nearest_name(stated: str, why: str) -> None:
    for option, since, until in (("--since", stated, None), ("--until", None, stated)):
        with pytest.raises(ConfigError, match=option) as caught:
            period(since, until, NOW)
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)


def test_an_end_before_the_begin_is_refused() -> None:
    with pytest.raises(ConfigError, match="no run can be in between"):
        period("2026-11-03", "2026-11-03", NOW)


def test_the_period_before_is_of_the_same_kind() -> None:
    def earlier(since: str, until: str | None = None) -> str:
        begin, end = period(since, until, NOW)
        assert begin is not None
        return told(before(Span(begin, end or NOW)))

    assert earlier("last-month") == "2026-09"
    assert earlier("last-year") == "2024"
    assert earlier("last-week") == "2026-11-02 to 2026-11-08"
    assert earlier("yesterday") == "2026-11-20"
    assert earlier("7d") == "2026-11-08 04:10 to 2026-11-15 04:10"
    assert earlier("2026-02", "2026-03") == "2026-01"  # 28 days, and 31 before them
    assert earlier("2026-04", "2026-07") == "2026-01-01 to 2026-03-31"  # a quarter
    assert earlier("2026-11-02", "2026-11-05") == "2026-10-30 to 2026-11-01"


def test_before_the_first_year_there_is_none() -> None:
    with pytest.raises(ConfigError, match="no period before"):
        before(Span(datetime(1, 1, 1, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)))
    with pytest.raises(ConfigError, match="no period before"):
        before(Span(datetime(1, 1, 5, tzinfo=UTC), datetime(2000, 1, 2, 3, tzinfo=UTC)))


def test_a_moment_is_written_in_utc() -> None:
    assert in_iso(None) == ""
    assert in_iso(datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-10-31T23:00:00Z"


@given(NOWS, st.sampled_from(NAMES))
def test_a_name_begins_before_it_ends_and_goes_on_where_the_one_before_it_ended(now: datetime, name: str) -> None:
    begin, end = period(name, None, now)
    assert begin is not None
    assert end is not None
    assert begin < end
    earlier = before(Span(begin, end))
    assert earlier.begin < earlier.end == begin
    # The same of any zone that the clock is in.
    assert period(name, None, now.astimezone(timezone(timedelta(hours=5, minutes=45)))) == Period(begin, end)


@given(NOWS, WHATS)
def test_adjacent_periods_tile(now: datetime, what: str) -> None:
    last, this = period(f"last-{what}", None, now), period(f"this-{what}", None, now)
    assert last.end == this.begin
    assert this.begin is not None
    assert this.end is not None
    assert this.begin <= now < this.end
    assert tuple(before(Span(this.begin, this.end))) == tuple(last)


@given(NOWS)
def test_days_tile(now: datetime) -> None:
    yesterday, today = period("yesterday", None, now), period("today", None, now)
    assert yesterday.end == today.begin
    assert today.begin is not None
    assert today.end is not None
    assert today.begin <= now < today.end == today.begin + timedelta(days=1)


@given(st.dates(min_value=datetime(1001, 1, 1).date(), max_value=datetime(9000, 1, 1).date()))  # noqa: DTZ001
def test_a_date_of_the_calendar_is_taken_as_it_is_written(stated_day: date) -> None:
    text = stated_day.isoformat()
    for stated, begin in ((text, text), (text[:7], f"{text[:7]}-01"), (text[:4], f"{text[:4]}-01-01")):
        assert period(stated, None, NOW).begin == day(begin)


@given(NOWS, st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=300_000)))
def test_the_period_before_is_as_long_where_it_is_of_no_calendar(now: datetime, length: timedelta) -> None:
    begin = now.replace(second=7)
    earlier = before(Span(begin, begin + length)) if begin.year > 900 else None
    assert earlier is None or earlier == Span(begin - length, begin)


@given(st.text(max_size=30))
def test_no_word_does_more_than_be_refused(stated: str) -> None:
    try:
        assert period(stated, None, NOW).begin
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either of two
