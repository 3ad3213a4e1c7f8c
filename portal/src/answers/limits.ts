import type { Alarm, QuotaUse } from './documents'

/** Alarms, the highest first. */
export const ALARMS = ['stop', 'warning', 'increase'] as const satisfies readonly Alarm[]

/** How many limits of a layer are how near. */
export interface LayerSums {
  readonly layer: string
  /** Limits of which something is used. */
  readonly all: number
  readonly alarms: Readonly<Record<Alarm, number>>
  readonly fullest: QuotaUse | null
}

/** Layers in the order in which work goes through them; one that nobody knows goes last. */
const ORDER = ['namespace', 'queue', 'team']

/** Limits by layer, from the namespace by the queue to the team; those three always, also where one has none. */
export function byLayer(limits: readonly QuotaUse[]): readonly LayerSums[] {
  const more = [...new Set(limits.map((each) => each.layer))].filter((each) => !ORDER.includes(each)).sort()
  return [...ORDER, ...more].map((layer) => {
    const own = limits.filter((each) => each.layer === layer)
    const alarms = { none: 0, increase: 0, warning: 0, stop: 0 }
    for (const each of own) alarms[each.alarm] += 1
    const fullest = own.reduce<QuotaUse | null>((most, each) => (most && most.percent >= each.percent ? most : each), null)
    return { layer, all: own.length, alarms, fullest }
  })
}

/** What is wanted of limits: a layer and an alarm; without an alarm those that are nearly full. */
export function wantedLimits(limits: readonly QuotaUse[], layer: string | undefined, alarm: string | undefined): readonly QuotaUse[] {
  return limits.filter(
    (each) => (!layer || each.layer === layer) && (alarm === 'all' || (alarm ? each.alarm === alarm : each.alarm === 'warning' || each.alarm === 'stop')),
  )
}

/** What a limit is of: of a queue's its flavor apart. */
export function namesOf({ layer, name }: QuotaUse): { readonly of: string; readonly flavor: string } {
  const at = layer === 'queue' ? name.indexOf('/') : -1
  return at < 0 ? { of: name, flavor: '' } : { of: name.slice(0, at), flavor: name.slice(at + 1) }
}
