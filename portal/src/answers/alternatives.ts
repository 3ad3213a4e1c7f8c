import type { ForeseenJob } from '../api/schema'
import { plural } from '../words/format'
import { said, withValue } from './job_text'

/** Another way to ask for the same work. */
export interface Variant {
  readonly said: string
  readonly text: string
  readonly backend: string
}

/** What would become of a job, in a word. */
export type Outlook = 'now' | 'waits' | 'never' | 'unknown'

export function outlookOf({ start }: Pick<ForeseenJob, 'start'>): Outlook {
  if (start.now) return 'now'
  if (start.never) return 'never'
  if (start.now === false || start.waits_for) return 'waits'
  return start.within ? 'waits' : 'unknown'
}

const COUNT = ['resources', 'accelerators', 'count']
const CLASS = ['resources', 'accelerators', 'class']

/** Ways that are tried where a job does not start at once, the least change first. */
export function variantsOf(text: string, backend: string, backends: readonly string[]): readonly Variant[] {
  const found: Variant[] = []
  const number = Number(said(text, ...COUNT) ?? 0)
  const wanted = said(text, ...CLASS)
  if (wanted) found.push({ said: `of any class instead of ${wanted}`, text: withValue(text, CLASS, null), backend })
  for (const other of backends) if (other !== backend) found.push({ said: `on ${other}`, text, backend: other })
  const replicas = Number(said(text, 'replicas') ?? 1) || 1
  const half = Math.floor(number / 2)
  const fewer = Math.floor(replicas / 2)
  const gpus = (some: number) => `with ${plural(some, 'GPU')}${replicas > 1 ? ' each' : ''}`
  if (fewer >= 1) found.push({ said: `with ${plural(fewer, 'replica')}`, text: withValue(text, ['replicas'], String(fewer)), backend })
  if (half >= 1) found.push({ said: gpus(half), text: withValue(text, COUNT, String(half)), backend })
  if (half > 1) found.push({ said: gpus(1), text: withValue(text, COUNT, '1'), backend })
  const hours = /^(\d+)h$/.exec(said(text, 'maxRunTime') ?? '')?.[1]
  if (Number(hours) > 1) {
    const short = Math.ceil(Number(hours) / 2)
    found.push({ said: short === 1 ? 'for 1 hour at most' : `for ${short} hours at most`, text: withValue(text, ['maxRunTime'], `${short}h`), backend })
  }
  return found
}

const RANK: Readonly<Record<Outlook, number>> = { now: 0, waits: 1, unknown: 2, never: 3 }

export interface TriedVariant {
  readonly variant: Variant
  readonly foreseen: ForeseenJob
}

/** Those that start sooner than what is asked for, soonest first; three at most. */
export function betterOnes(tried: readonly TriedVariant[], asked: ForeseenJob | null): readonly TriedVariant[] {
  const base = asked ? soonness(asked) : [RANK.never, 0]
  const before = (a: readonly number[], b: readonly number[]) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0)
  return [...tried]
    .filter((each) => before(soonness(each.foreseen), base) < 0)
    .sort((a, b) => before(soonness(a.foreseen), soonness(b.foreseen)))
    .slice(0, 3)
}

function soonness(foreseen: ForeseenJob): readonly number[] {
  return [RANK[outlookOf(foreseen)], foreseen.start.within?.[1] ?? Number.MAX_SAFE_INTEGER]
}
