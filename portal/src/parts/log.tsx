import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Trouble } from '../api/problem'
import { choose, useSettings, useZone } from '../store/settings'
import { type LogLine, wholeLog } from '../store/log'
import { count, moment } from '../words/format'
import { plainOf } from './ansi'
import { sayTrouble } from './toasts'

interface LogProps {
  readonly lines: readonly LogLine[]
  readonly ended: boolean
  readonly trouble: Trouble | null
  /** Of the job. */
  readonly name: string
}

/** What a job wrote, at its end; it stays there while more comes, unless somebody scrolls up. */
export function Log({ lines, ended, trouble, name }: LogProps) {
  const { logTimes, logWraps } = useSettings()
  const zone = useZone()
  const [search, setSearch] = useState('')
  const [held, setHeld] = useState<number | null>(null)
  const box = useRef<HTMLDivElement>(null)
  const pattern = useMemo(() => patternOf(search), [search])
  const until = held ?? lines.length
  const shown = useMemo(
    () => (pattern ? lines.slice(0, until).filter((each) => pattern.test(each.text)) : lines.slice(0, until)),
    [lines, until, pattern],
  )
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => 18,
    overscan: 30,
  })
  useEffect(() => {
    if (held === null && shown.length) rows.scrollToIndex(shown.length - 1)
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
      <div className={logWraps ? 'log wraps' : 'log'} ref={box} tabIndex={0} role="log" aria-label="Log" aria-live="off">
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
      {ended && (
        <div className="note">
          {pattern ? `${count(shown.length)} of ${count(lines.length)} lines` : `${count(lines.length)} lines; the log is over`}
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
