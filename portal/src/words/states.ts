import type { GrantState, JobRow, JobState, RequestState } from '../api/schema'

/** What kind of state it is: each has a colour, and each state a shape, so that no colour says anything alone. */
export type Tone = 'quiet' | 'wait' | 'move' | 'good' | 'bad' | 'over'
export type Shape = 'ring' | 'half' | 'dot' | 'check' | 'cross' | 'bar' | 'dash'

export interface StateLook {
  readonly word: string
  readonly tone: Tone
  readonly shape: Shape
}

const look = (word: string, tone: Tone, shape: Shape): StateLook => ({ word, tone, shape })

export const JOB: Readonly<Record<JobState, StateLook>> = {
  submitted: look('submitted', 'wait', 'ring'),
  held: look('held', 'wait', 'bar'),
  queued: look('queued', 'wait', 'ring'),
  staging: look('staging', 'move', 'half'),
  starting: look('starting', 'move', 'half'),
  running: look('running', 'good', 'dot'),
  stopping: look('stopping', 'move', 'half'),
  succeeded: look('succeeded', 'over', 'check'),
  failed: look('failed', 'bad', 'cross'),
  refused: look('refused', 'bad', 'cross'),
  stopped: look('stopped', 'over', 'dash'),
}

export const REQUEST: Readonly<Record<RequestState, StateLook>> = {
  waiting: look('waiting', 'wait', 'ring'),
  offered: look('offered', 'move', 'half'),
  approved: look('approved', 'good', 'check'),
  denied: look('denied', 'bad', 'cross'),
  withdrawn: look('withdrawn', 'over', 'dash'),
  lapsed: look('lapsed', 'over', 'dash'),
}

export const GRANT: Readonly<Record<GrantState, StateLook>> = {
  due: look('due', 'wait', 'ring'),
  giving: look('giving', 'move', 'half'),
  active: look('active', 'good', 'dot'),
  'taking-back': look('taking back', 'move', 'half'),
  ended: look('ended', 'over', 'dash'),
  conflict: look('conflict', 'bad', 'cross'),
}

/** States in which a job is over. */
export const OVER: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'refused', 'stopped'])
/** States in which it waits. */
export const WAITS: ReadonlySet<JobState> = new Set(['submitted', 'held', 'queued'])

/** When a job last began to run; null where it never did, or waits for its next attempt. */
export function ranSince(job: Pick<JobRow, 'state' | 'started'>): number | null {
  return job.state === 'queued' || job.state === 'starting' ? null : job.started
}

/** States that a filter may name together. */
export const GROUPS: readonly (readonly [string, readonly JobState[]])[] = [
  ['waiting', ['submitted', 'held', 'queued']],
  ['running', ['staging', 'starting', 'running', 'stopping']],
  ['failed', ['failed', 'refused']],
  ['over', ['succeeded', 'stopped']],
]
