import { describe, expect, it } from 'vitest'
import type { LogLine } from './log_blocks'
import { type NumberedLine, placeOf } from './log_ranges'
import { appended, around, firstNumber, fromEnd, holds, MOST_HELD, NO_LINES, withNewer, withOlder } from './log_window'

const lines = (from: number, to: number): NumberedLine[] => Array.from({ length: to - from }, (_, at) => ({ number: from + at, at: null, rank: 0, text: `line ${from + at}` }))
/** What was opened at its tail, of a log of a million lines. */
const opened = { ...appended(NO_LINES, lines(995_000, 1_000_000), false), offset: 995_000 }
const held = (of: { lines: readonly LogLine[] }) => [of.lines.at(0)?.text, of.lines.at(-1)?.text]

describe('the lines of a log that are held', () => {
  it('are never more than so many while it is followed', () => {
    let now = NO_LINES
    for (let at = 0; at < 100_000; at += 1000) now = appended(now, lines(at, at + 1000), false)
    expect(now.lines.length).toBe(MOST_HELD)
    expect(held(now)).toEqual(['line 80000', 'line 99999'])
    expect([now.origin, now.end, now.atEnd]).toEqual([80_000, 100_000, true])
  })

  it('stay where somebody reads, and what comes is counted', () => {
    let now = appended(NO_LINES, lines(0, MOST_HELD), false)
    now = appended(now, lines(MOST_HELD, MOST_HELD + 10), true)
    now = appended(now, lines(MOST_HELD + 10, MOST_HELD + 20), true)
    expect(held(now)).toEqual(['line 0', `line ${MOST_HELD - 1}`])
    expect([now.atEnd, now.end]).toEqual([false, MOST_HELD + 20])
  })

  it('go back as far as somebody scrolls, and what is far behind is dropped', () => {
    let now = opened
    for (let first = 995_000; first > 0; first -= 1000) now = { ...withOlder(now, lines(first - 1000, first)), offset: 995_000 }
    expect(now.lines.length).toBe(MOST_HELD)
    expect(held(now)).toEqual(['line 0', `line ${MOST_HELD - 1}`])
    expect([firstNumber(now), now.atEnd, fromEnd(now)]).toEqual([0, false, 1_000_000])
    const on = withNewer(now, lines(MOST_HELD, MOST_HELD + 1000))
    expect(held(on)).toEqual(['line 1000', `line ${MOST_HELD + 999}`])
    expect(firstNumber(on)).toBe(1000)
  })

  it('become others where somebody jumps', () => {
    const there = around(opened, lines(499_500, 500_500))
    expect([firstNumber(there), there.atEnd, there.session]).toEqual([499_500, false, 1])
    expect(around(opened, lines(999_500, 1_000_000)).atEnd).toBe(true)
    expect(around(opened, [])).toBe(opened)
  })

  it.each([
    [994_999, false],
    [995_000, true],
    [999_999, true],
    [1_000_000, false],
  ])('have line %d among them: %s', (number, is) => {
    expect(holds(opened, number)).toBe(is)
    expect(holds({ ...opened, offset: null }, number)).toBe(false)
  })
})

describe('the place of lines in a range', () => {
  it('is where they all stand', () => expect(placeOf(lines(300, 400), lines(0, 1000), 310)).toBe(300))

  it('is the nearest where they stand at several', () => {
    const same = Array.from({ length: 200 }, (_, number): NumberedLine => ({ number, at: null, rank: 0, text: number % 10 ? '.' : 'ten' }))
    expect(placeOf(same.slice(0, 60), same, 42)).toBe(40)
  })

  it('is none where another replica wrote', () => expect(placeOf(lines(300, 400).map((each) => ({ ...each, rank: 1 })), lines(0, 1000), 300)).toBeNull())
})
