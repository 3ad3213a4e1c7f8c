import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { asTrouble, type Trouble } from '../api/problem'
import { choose, useSettings, useZone } from '../store/settings'
import { type LogHeld, TAIL, wholeLog } from '../store/log'
import type { LogLine } from '../store/log_blocks'
import { type LogHits, MOST_HITS, searchLog } from '../store/log_ranges'
import { firstNumber, holds } from '../store/log_window'
import { useSettled } from '../store/settled'
import { count, moment } from '../words/format'
import { plainOf } from './ansi'
import { keepFile } from './keep_file'
import { asBadAs, type Level, LEVELS } from './levels'

interface LogProps {
  readonly log: LogHeld
  /** Of the job. */
  readonly name: string
}

/** Pixels of a line. */
const LINE = 18
/** Pixels from an end of what is held at which more is read. */
const NEAR = 60 * LINE
/** Milliseconds after the last key in which nothing is looked for yet. */
const SETTLES = 300

/** What a job wrote, at its end; it stays there while more comes, unless somebody scrolls up. */
export function Log({ log, name }: LogProps) {
  const { lines, origin, end, atEnd: whole, ended, trouble, rangeTrouble } = log
  const { logTimes, logWraps } = useSettings()
  const zone = useZone()
  const [search, setSearch] = useState('')
  const [level, setLevel] = useState<Level | null>(null)
  const [held, setHeld] = useState<number | null>(null)
  const atEnd = useRef(true)
  const top = useRef(0)
  const box = useRef<HTMLDivElement>(null)
  const pattern = useMemo(() => patternOf(search), [search])
  const until = held === null ? lines.length : Math.max(0, Math.min(lines.length, held - origin))
  const wanted = pattern || level ? search : ''
  // What is held is all there is of a short log; the rest of a long one is the server's to look through.
  const first = firstNumber(log)
  const isPart = first === null ? lines.length >= TAIL : first > 0 || !whole
  const hits = useHits(name, isPart, wanted, pattern, level)
  const here = useMemo(() => {
    const there = until === lines.length ? lines : lines.slice(0, until)
    const meant = level ? asBadAs(there, level) : there
    return pattern ? meant.filter((each) => pattern.test(each.text)) : meant
  }, [lines, until, pattern, level])
  const shown: readonly (LogLine & { readonly number?: number })[] = hits.data?.lines ?? here
  const filters = pattern !== null || level !== null
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE,
    overscan: 30,
    // What is read before or behind moves no line's own size to another.
    getItemKey: (index) => (filters ? index : origin + index),
  })
  // Whoever reads stays at his line when others come before it, or go.
  const at = useRef({ origin, session: log.session })
  useLayoutEffect(() => {
    const moved = at.current.origin - origin
    const same = at.current.session === log.session
    at.current = { origin, session: log.session }
    if (box.current && same && moved && !filters && !atEnd.current) box.current.scrollTop += moved * LINE
  }, [origin, log.session, filters])
  const [wants, setWants] = useState<number | null>(null)
  useEffect(() => {
    if (wants === null || filters || first === null || !holds(log, wants)) return
    rows.scrollToIndex(wants - first, { align: 'center' })
    setWants(null)
  }, [wants, filters, first, log, rows])
  function go(number: number): void {
    atEnd.current = false
    log.reads(true)
    setSearch('')
    setLevel(null)
    setWants(number)
    if (!holds(log, number)) log.jump(number)
  }
  useEffect(() => {
    // Whoever has scrolled up reads: what comes does not move him.
    if (held === null && whole && shown.length && atEnd.current) rows.scrollToIndex(shown.length - 1, { align: 'end' })
  }, [held, whole, shown.length, rows])
  function pause(is: boolean): void {
    setHeld(is ? end : null)
    log.reads(is || !atEnd.current)
  }
  const waiting = held === null ? 0 : Math.max(0, end - held)
  return (
    <>
      <div className="note">
        <input
          className="search"
          aria-label="Search the log"
          placeholder="Search, or /a regular expression/"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <select className="chip" aria-label="Level" data-set={level ? '' : undefined} value={level ?? ''} onChange={(event) => setLevel(LEVELS.find((each) => each === event.target.value) ?? null)}>
          <option value="">every level</option>
          {LEVELS.slice(0, -1).map((each, number) => (
            <option key={each} value={each}>
              {each}
              {number ? ' and worse' : ''}
            </option>
          ))}
        </select>
        <button type="button" className="chip" aria-pressed={held !== null} onClick={() => pause(held === null)}>
          {held === null ? 'Pause' : waiting ? `${count(waiting)} more lines` : 'Paused'}
        </button>
        <button type="button" className="chip" aria-pressed={logTimes} onClick={() => choose({ logTimes: !logTimes })}>
          Times
        </button>
        <button type="button" className="chip" aria-pressed={logWraps} onClick={() => choose({ logWraps: !logWraps })}>
          Wrap
        </button>
        {!whole && (
          <button
            type="button"
            className="chip"
            onClick={() => {
              atEnd.current = true
              setHeld(null)
              log.reads(false)
              log.again()
            }}
          >
            To the end
          </button>
        )}
        <button type="button" className="chip" onClick={() => void keepFile(`${name}.log`, () => wholeLog(name))}>
          Download
        </button>
      </div>
      {trouble && <div className="note bad">{trouble.what}</div>}
      {[rangeTrouble, hits.trouble].map((each, number) => each && <div key={number} className="note bad">{[each.what, each.fix].filter(Boolean).join('; ')}</div>)}
      <div
        className={logWraps ? 'log wraps' : 'log'}
        onScroll={({ currentTarget: now }) => {
          // We ourselves never scroll up.
          if (now.scrollTop + now.clientHeight >= now.scrollHeight - LINE) atEnd.current = true
          else if (now.scrollTop < top.current) atEnd.current = false
          top.current = now.scrollTop
          log.reads(held !== null || !atEnd.current)
          if (filters || held !== null) return
          // What comes next is read before somebody gets there.
          if (isPart && first !== 0 && !atEnd.current && now.scrollTop < NEAR) log.older()
          if (!whole && now.scrollTop + now.clientHeight > now.scrollHeight - NEAR) log.newer()
        }}
        ref={box}
        tabIndex={0}
        role="log"
        aria-label="Log"
        aria-live="off"
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map((item) => {
            const line = shown[item.index]
            if (!line) return null
            return (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                className="line"
                style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${item.start}px)` }}
              >
                {line.number !== undefined && (
                  <button type="button" className="link at" aria-label={`Go to line ${line.number + 1}`} onClick={() => go(line.number ?? 0)}>
                    {count(line.number + 1)}
                  </button>
                )}
                {logTimes && <span className="at">{line.at === null ? '' : moment(line.at, zone)}</span>}
                <span>{plainOf(line.text)}</span>
              </div>
            )
          })}
        </div>
      </div>
      {filters && isPart ? (
        <div className="note" role="status">
          {!hits.data ? 'Looked for in all of the log' : `${count(shown.length)} of ${count(hits.data.lookedAt)} lines${hits.data.over ? '' : shown.length >= MOST_HITS ? '; the first are shown' : ', and it is looked on'}`}
        </div>
      ) : (
        (ended || filters || first !== null) && (
          <div className="note">
            {filters
              ? `${count(shown.length)} of ${count(lines.length)} lines`
              : isPart && first !== null
                ? `lines ${count(first + 1)} to ${count(first + lines.length)} of ${count(first - origin + end)}`
                : isPart
                  ? `the last ${count(lines.length)} lines${ended ? '; the log is over' : ''}`
                  : `${count(lines.length)} lines${ended ? '; the log is over' : ''}`}
          </div>
        )
      )}
    </>
  )
}

interface HitsSource {
  /** Null where what is held is looked through alone. */
  readonly data: LogHits | null
  readonly trouble: Trouble | null
}

const NO_HITS: HitsSource = { data: null, trouble: null }

/** What is looked for in all of a log of which only a part is held, as it is found. */
function useHits(name: string, isPart: boolean, text: string, pattern: RegExp | null, level: Level | null): HitsSource {
  const [found, setFound] = useState<HitsSource & { readonly of: string }>({ ...NO_HITS, of: '' })
  const of = isPart && (text || level) ? JSON.stringify([text, level]) : ''
  const settled = useSettled(of, SETTLES)
  useEffect(() => {
    if (!settled) return
    const left = new AbortController()
    const plain = patternText(text)
    void (async () => {
      try {
        for await (const data of searchLog(name, { text: plain ?? '', pattern: plain === null ? pattern : null, level }, left.signal)) {
          if (left.signal.aborted) return
          setFound({ data, trouble: null, of: settled })
        }
      } catch (error) {
        if (!left.signal.aborted) setFound({ data: null, trouble: asTrouble(error), of: settled })
      }
    })()
    return () => left.abort()
    // The text and the level are in `settled`; the pattern follows from the text.
  }, [name, settled])
  return of && found.of === of ? found : NO_HITS
}

/** The text that is looked for as it is; null where it is a regular expression. */
function patternText(search: string): string | null {
  return /^\/(.+)\/$/.test(search) ? null : search
}

/** What is searched for; a text in slashes is a regular expression, which may be none. */
export function patternOf(search: string): RegExp | null {
  if (!search) return null
  const found = /^\/(.+)\/$/.exec(search)
  try {
    return found ? new RegExp(found[1] ?? '', 'i') : new RegExp(search.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')
  } catch {
    return null
  }
}
