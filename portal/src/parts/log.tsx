import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Trouble } from '../api/problem'
import { choose, useSettings, useZone } from '../store/settings'
import { type LogLine, wholeLog } from '../store/log'
import { count, moment } from '../words/format'
import { plainOf } from './ansi'
import { asBadAs, type Level, LEVELS } from './levels'
import { sayTrouble } from './toasts'

interface LogProps {
  readonly lines: readonly LogLine[]
  readonly ended: boolean
  readonly trouble: Trouble | null
  /** Of the job. */
  readonly name: string
}

/** Pixels of a line. */
const LINE = 18

/** What a job wrote, at its end; it stays there while more comes, unless somebody scrolls up. */
export function Log({ lines, ended, trouble, name }: LogProps) {
  const { logTimes, logWraps } = useSettings()
  const zone = useZone()
  const [search, setSearch] = useState('')
  const [level, setLevel] = useState<Level | null>(null)
  const [held, setHeld] = useState<number | null>(null)
  const atEnd = useRef(true)
  const top = useRef(0)
  const box = useRef<HTMLDivElement>(null)
  const pattern = useMemo(() => patternOf(search), [search])
  const until = held ?? lines.length
  const shown = useMemo(() => {
    const there = until === lines.length ? lines : lines.slice(0, until)
    const meant = level ? asBadAs(there, level) : there
    return pattern ? meant.filter((each) => pattern.test(each.text)) : meant
  }, [lines, until, pattern, level])
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE,
    overscan: 30,
  })
  useEffect(() => {
    // Whoever has scrolled up reads: what comes does not move him.
    if (held === null && shown.length && atEnd.current) rows.scrollToIndex(shown.length - 1, { align: 'end' })
  }, [held, shown.length, rows])
  const waiting = lines.length - until
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
        <button type="button" className="chip" aria-pressed={held !== null} onClick={() => setHeld(held === null ? lines.length : null)}>
          {held === null ? 'Pause' : waiting ? `${count(waiting)} more lines` : 'Paused'}
        </button>
        <button type="button" className="chip" aria-pressed={logTimes} onClick={() => choose({ logTimes: !logTimes })}>
          Times
        </button>
        <button type="button" className="chip" aria-pressed={logWraps} onClick={() => choose({ logWraps: !logWraps })}>
          Wrap
        </button>
        <button type="button" className="chip" onClick={() => void download(name)}>
          Download
        </button>
      </div>
      {trouble && <div className="note bad">{trouble.what}</div>}
      <div
        className={logWraps ? 'log wraps' : 'log'}
        onScroll={({ currentTarget: now }) => {
          // We ourselves never scroll up.
          if (now.scrollTop + now.clientHeight >= now.scrollHeight - LINE) atEnd.current = true
          else if (now.scrollTop < top.current) atEnd.current = false
          top.current = now.scrollTop
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
                {logTimes && <span className="at">{line.at === null ? '' : moment(line.at, zone)}</span>}
                <span>{plainOf(line.text)}</span>
              </div>
            )
          })}
        </div>
      </div>
      {(ended || level || pattern) && (
        <div className="note">
          {pattern || level ? `${count(shown.length)} of ${count(lines.length)} lines` : `${count(lines.length)} lines; the log is over`}
        </div>
      )}
    </>
  )
}

async function download(name: string): Promise<void> {
  try {
    const address = URL.createObjectURL(await wholeLog(name))
    const link = document.createElement('a')
    link.href = address
    link.download = `${name}.log`
    link.click()
    URL.revokeObjectURL(address)
  } catch (error) {
    sayTrouble(error)
  }
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
