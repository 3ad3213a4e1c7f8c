import type { Holding } from './documents'

/** Milliseconds that a hold has been idle; null where it is not, or nobody measures. */
export function idleFor(hold: Holding, now: number): number | null {
  return hold.idleSince === null || !hold.idleDevices ? null : Math.max(0, now - Date.parse(hold.idleSince))
}

/** What is idle in GPU-milliseconds: by this the worst come first. */
export function idleWeight(hold: Holding, now: number): number | null {
  const since = idleFor(hold, now)
  return since === null ? (hold.idleDevices === null ? null : 0) : since * (hold.idleDevices ?? 0)
}

const MARKS: readonly (readonly [keyof Holding, string])[] = [
  ['outsideQueue', 'past the queues'],
  ['daemonSet', 'a DaemonSet'],
  ['jobOver', 'its job is over'],
  ['processGone', 'its process is gone'],
  ['nodeGone', 'its node is gone'],
  ['leaving', 'its team leaves'],
]

/** What is odd about a hold, in words. */
export function oddities(hold: Holding): readonly string[] {
  return MARKS.flatMap(([field, said]) => (hold[field] ? [said] : []))
}

export function holdKey(hold: Holding): string {
  return [hold.cluster, hold.namespace, hold.job, hold.accelerator, hold.resource, hold.since, hold.person].join('/')
}

export interface HoldSums {
  readonly devices: number
  readonly idle: number
  /** GPUs of which nobody knows whether they are idle. */
  readonly untold: number
}

export function sumsOf(holds: readonly Holding[]): HoldSums {
  const round = (value: number) => Math.round(value * 1000) / 1000
  return {
    devices: round(holds.reduce((sum, each) => sum + each.devices, 0)),
    idle: round(holds.reduce((sum, each) => sum + (each.idleDevices ?? 0), 0)),
    untold: round(holds.reduce((sum, each) => sum + (each.idleDevices === null ? each.devices : 0), 0)),
  }
}
