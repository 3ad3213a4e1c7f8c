import type { Job, JobSubmission, StoredJob } from '../api/schema'
import type { Remedy, Why } from './why'

/** What carries out a remedy here: an act of one's own, or a form that is filled in; null where only a command does it. */
export type RemedyAct =
  | { readonly kind: 'anew'; readonly submission: JobSubmission }
  | { readonly kind: 'stop'; readonly ids: readonly string[] }
  | { readonly kind: 'quota'; readonly queue: string; readonly flavor: string; readonly amount: number }
  | { readonly kind: 'ask'; readonly team: string; readonly accelerator: string; readonly gpus: number }

/** Read out of the command that the answer gives, so that what is done is what would be copied. */
export function actOf(remedy: Remedy, stored: StoredJob, why: Pick<Why, 'facts'>): RemedyAct | null {
  const words = shellWords(remedy.command ?? '')
  return (words && (anewOf(words, stored) ?? stopOf(words))) ?? quotaOf(remedy, why) ?? askOf(remedy, stored)
}

/** `allot clone JOB --set PATH=VALUE … && allot stop JOB`. */
function anewOf(words: readonly string[], stored: StoredJob): RemedyAct | null {
  const [allot, clone, id] = words
  const end = words.indexOf('&&')
  if (allot !== 'allot' || clone !== 'clone' || id !== stored.id || words.slice(end).join(' ') !== `&& allot stop ${id}`) return null
  const flags = words.slice(3, end)
  if (flags.length % 2 || flags.some((each, number) => number % 2 === 0 && each !== '--set')) return null
  const settings = flags.filter((_, number) => number % 2).map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)] as const)
  const job = changedJob(stored.job, settings)
  return job && !stored.parent ? { kind: 'anew', submission: { job, backend: stored.backend, code: '', unwritten: [], supersedes: stored.id, key: '' } } : null
}

/** `allot stop JOB …`. */
function stopOf(words: readonly string[]): RemedyAct | null {
  const [allot, stop, ...ids] = words
  return allot === 'allot' && stop === 'stop' && ids.length && ids.every((each) => /^[\w./-]+$/.test(each) && !each.startsWith('-')) ? { kind: 'stop', ids } : null
}

interface PatchStep {
  readonly op?: string
  readonly path?: string
  readonly value?: unknown
}

/** One nominal quota of devices that is to be larger. */
function quotaOf({ kind, target, patch, summary }: Remedy, { facts }: Pick<Why, 'facts'>): RemedyAct | null {
  if (kind !== 'raise-quota' || target?.kind !== 'ClusterQueue') return null
  const steps = Array.isArray(patch?.body) ? (patch.body as readonly PatchStep[]) : []
  const [step] = steps
  const flavor = facts['flavor']
  if (steps.length !== 1 || !step?.path?.endsWith('/nominalQuota') || typeof flavor !== 'string') return null
  // Devices have a domain in their name; CPU and memory are no accelerators.
  const devices = /: [\w.-]+\/[\w.-]+ \d+ → \d+/.test(summary)
  const amount = Number(step.value)
  return devices && Number.isInteger(amount) ? { kind: 'quota', queue: target.name, flavor, amount } : null
}

/** A larger share that its team has to ask for: as many devices as the job needs. */
function askOf({ kind, patch }: Remedy, { job }: StoredJob): RemedyAct | null {
  const wish = job.needs.accelerators
  return kind === 'raise-quota' && patch?.op === 'signal' && wish ? { kind: 'ask', team: job.team, accelerator: wish.classes[0] ?? '', gpus: wish.count * job.replicas } : null
}

/** Words of a command as a shell takes it; null where it says anything but words and `&&`. */
export function shellWords(command: string): readonly string[] | null {
  const word = /(?:[\w@%+=:,./-]|'[^']*'|"'")+|&&/y
  const found: string[] = []
  for (let at = 0; at < command.length; ) {
    if (command[at] === ' ') at += 1
    else {
      word.lastIndex = at
      const said = word.exec(command)?.[0]
      if (said === undefined) return null
      at += said.length
      if (at < command.length && command[at] !== ' ') return null
      found.push(said.replaceAll(/'([^']*)'|"(')"/g, (_, plain: string | undefined, quote: string | undefined) => plain ?? quote ?? ''))
    }
  }
  return found.length ? found : null
}

type Settings = readonly (readonly [path: string, value: string])[]

/** A job with other values of fields of its file; null where one of them is not known here. */
export function changedJob(job: Job, settings: Settings): Job | null {
  return settings.reduce<Job | null>((now, [path, value]) => now && (FIELDS[path]?.(now, value) ?? null), job)
}

const FIELDS: Readonly<Record<string, (job: Job, value: string) => Job | null>> = {
  replicas: (job, value) => counted(value, (replicas) => ({ ...job, replicas })),
  priority: (job, priority) => ({ ...job, priority }),
  maxRunTime: (job, value) => counted(/^(\d+)s$/.exec(value)?.[1], (run_time) => ({ ...job, run_time })),
  'run.image': (job, image) => ({ ...job, program: { ...job.program, image } }),
  'resources.cpu': (job, value) => counted(/^\d+m$/.test(value) ? value.slice(0, -1) : times(value, 1000), (cpu) => ({ ...job, needs: { ...job.needs, cpu } })),
  'resources.memory': (job, value) => counted(bytesOf(value), (memory) => ({ ...job, needs: { ...job.needs, memory } })),
  'resources.accelerators.count': (job, value) => {
    const { accelerators } = job.needs
    return accelerators && counted(value, (count) => ({ ...job, needs: { ...job.needs, accelerators: { ...accelerators, count } } }))
  },
  'sweep.atOnce': ({ sweep, ...job }, value) => sweep && counted(value, (at_once) => ({ ...job, sweep: { ...sweep, at_once } })),
}

/** With a whole number from 1 on; null for anything else. */
function counted(text: string | null | undefined, make: (number: number) => Job): Job | null {
  return text && /^[1-9]\d*$/.test(text) ? make(Number(text)) : null
}

function times(value: string, factor: number): string | null {
  return /^\d+(\.\d+)?$/.test(value) ? String(Math.round(Number(value) * factor)) : null
}

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }

function bytesOf(value: string): string | null {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T|)$/.exec(value) ?? []
  return number && times(number, UNITS[unit] ?? 1)
}
