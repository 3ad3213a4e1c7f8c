import { type ReactNode, useState } from 'react'
import { useActs } from '../store/acts'
import { plural } from '../words/format'
import { CopyCommand } from './copy'
import { Sheet } from './sheet'
import { say, sayTrouble } from './toasts'

interface BulkProps<R> {
  /** Those of the selected with which it can be done. */
  readonly rows: readonly R[]
  /** What one is called. */
  readonly word: string
  /** The act as a button says it, and as it is told of once it was done. */
  readonly act: readonly [now: string, done: string]
  readonly danger?: boolean
  /** Whether all that it needs was said. */
  readonly ready?: boolean
  readonly leave: string
  /** The same on the command line. */
  readonly command: string
  /** Do it with one of them. */
  readonly send: (row: R) => Promise<unknown>
  /** Whether each waits for the one before it, because what becomes of one bears on the next. */
  readonly inTurn?: boolean
  readonly nameOf: (row: R) => string
  readonly done: () => void
  /** Is told when it is asked about, and when no more. */
  readonly opened?: (asks: boolean) => void
  /** How it is taken back for those with which it was done; nothing where it cannot be. */
  readonly undo?: (done: readonly R[]) => (() => void) | undefined
  /** What it does, in numbers. */
  readonly children: ReactNode
}

/** An act on several at once: asked about once, with their number; what fails is told one by one. */
export function BulkAct<R>({ rows, word, act: [now, was], danger = false, ready = true, leave, command, send, inTurn = false, nameOf, done, opened, undo, children }: BulkProps<R>) {
  const [asks, setAsked] = useState(false)
  const setAsks = (asked: boolean) => {
    setAsked(asked)
    opened?.(asked)
  }
  // How many of them have been sent.
  const [sent, setSent] = useState<number | null>(null)
  const said = `${now} ${plural(rows.length, word)}`
  useActs(rows.length ? [{ said, go: () => setAsks(true) }] : [])
  async function all(): Promise<void> {
    setAsks(false)
    const failed = await sendAll(rows, send, inTurn, setSent)
    setSent(null)
    const made = rows.filter((each) => !failed.some(([row]) => row === each))
    if (made.length) say(`${was} ${plural(made.length, word)}`, undo?.(made))
    for (const [row, reason] of failed) sayTrouble(reason, nameOf(row))
    done()
  }
  const look = danger ? 'act danger' : 'act'
  return (
    <>
      <button type="button" className={look} disabled={!rows.length || sent !== null} onClick={() => setAsks(true)}>
        {sent === null || !inTurn ? said : `${sent} of ${plural(rows.length, word)}`}
      </button>
      <Sheet title={`${said}?`} open={asks} close={() => setAsks(false)}>
        {children}
        <div className="acts">
          <button type="button" className="act first" disabled={!ready} onClick={() => void all()}>
            {said}
          </button>
          <button type="button" className="act" onClick={() => setAsks(false)}>
            {leave}
          </button>
          <CopyCommand command={command} />
        </div>
      </Sheet>
    </>
  )
}

/** Send each, all together or in turn; those that failed, and why. */
async function sendAll<R>(
  rows: readonly R[],
  send: (row: R) => Promise<unknown>,
  inTurn: boolean,
  tell: (sent: number) => void,
): Promise<readonly (readonly [R, unknown])[]> {
  const failed: (readonly [R, unknown])[] = []
  const one = async (row: R) => {
    try {
      await send(row)
    } catch (error) {
      failed.push([row, error])
    }
  }
  tell(0)
  if (!inTurn) await Promise.all(rows.map(one))
  else
    for (const [number, row] of rows.entries()) {
      await one(row)
      tell(number + 1)
    }
  return failed
}
