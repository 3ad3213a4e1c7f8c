import { useEffect, useSyncExternalStore } from 'react'
import type { QueuePlace } from '../answers/why'
import type { JobRow } from '../api/schema'
import { WAITS } from '../words/states'

/** That a job was moved in its queue, and by what. */
export interface PositionMove {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly said: string
}

interface Seen {
  readonly ahead: number
  /** Jobs of its back end that waited then, of those that may be seen. */
  readonly waiting: ReadonlySet<string>
}

const seen = new Map<string, Seen>()
const moves = new Map<string, readonly PositionMove[]>()
const NONE: readonly PositionMove[] = []
const heard = new Set<() => void>()

/**
 * Why a job stands elsewhere than before. Whoever is new before it is of a higher rung, for one of its own would stand
 * behind it; jobs that may not be seen are counted and not named.
 */
export function explained(before: number, after: number, came: readonly string[], left: readonly string[]): string {
  const number = Math.abs(after - before)
  const jobs = number === 1 ? '1 job' : `${number} jobs`
  const named = (names: readonly string[]) => (names.length && names.length <= number ? `: ${names.slice(0, 3).join(', ')}${names.length < number || names.length > 3 ? ' and others' : ''}` : '')
  if (after > before) return `${jobs} of a higher rung came${named(came)}`
  return `${jobs} before it ${number === 1 ? 'has' : 'have'} started or ended${named(left)}`
}

/** Take in where a job stands now. */
export function observe(job: Pick<JobRow, 'id' | 'backend' | 'priority'>, place: QueuePlace, rows: readonly JobRow[], at: number): void {
  const others = rows.filter((each) => each.backend === job.backend && each.id !== job.id && WAITS.has(each.state))
  const before = seen.get(job.id)
  const waiting = new Set(others.map((each) => each.id))
  seen.set(job.id, { ahead: place.ahead, waiting })
  if (!before || before.ahead === place.ahead) return
  const came = others.filter((each) => !before.waiting.has(each.id) && each.priority !== job.priority).map((each) => each.name)
  const left = rows.filter((each) => before.waiting.has(each.id) && !waiting.has(each.id)).map((each) => each.name)
  const move = { at, from: before.ahead + 1, to: place.ahead + 1, said: explained(before.ahead, place.ahead, came, left) }
  moves.set(job.id, [...(moves.get(job.id) ?? NONE), move])
  for (const each of heard) each()
}

/** Moves of a job in its queue since somebody has begun to look at it. */
export function usePositionMoves(job: Pick<JobRow, 'id' | 'backend' | 'priority'>, place: QueuePlace | null, rows: readonly JobRow[]): readonly PositionMove[] {
  useEffect(() => {
    if (place) observe(job, place, rows, Date.now())
    // Rows alone move nothing.
  }, [job.id, place])
  return useSyncExternalStore(
    (hear) => {
      heard.add(hear)
      return () => heard.delete(hear)
    },
    () => moves.get(job.id) ?? NONE,
  )
}
