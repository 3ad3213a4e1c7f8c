import { useSyncExternalStore } from 'react'
import { asTrouble } from '../api/problem'

/** A word on what was done; some of it can be taken back for a while. */
export interface Toast {
  readonly id: number
  readonly said: string
  readonly bad: boolean
  readonly undo?: () => void
}

const STAYS = 10_000
let toasts: readonly Toast[] = []
let next = 1
const heard = new Set<() => void>()

function become(these: readonly Toast[]): void {
  toasts = these
  for (const each of heard) each()
}

export function say(said: string, undo?: () => void): void {
  show({ id: next++, said, bad: false, ...(undo ? { undo } : {}) })
}

/** What went wrong, and with which of several. */
export function sayTrouble(error: unknown, of = ''): void {
  const trouble = asTrouble(error)
  show({ id: next++, said: [of, trouble.what, trouble.why, trouble.fix].filter(Boolean).join('; '), bad: true })
}

function show(toast: Toast): void {
  become([...toasts, toast].slice(-4))
  setTimeout(() => dismiss(toast.id), STAYS)
}

function dismiss(id: number): void {
  become(toasts.filter((each) => each.id !== id))
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (hear) => {
      heard.add(hear)
      return () => heard.delete(hear)
    },
    () => toasts,
  )
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((each) => (
        <div className="toast" key={each.id}>
          <span className={each.bad ? 'tone-bad' : ''}>{each.said}</span>
          {each.undo && (
            <button
              type="button"
              className="act"
              onClick={() => {
                each.undo?.()
                dismiss(each.id)
              }}
            >
              Undo
            </button>
          )}
          <button type="button" className="act plain" aria-label="Dismiss" onClick={() => dismiss(each.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  )
}
