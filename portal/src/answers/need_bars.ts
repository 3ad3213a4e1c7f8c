import type { DemonstratedNeed, Terms } from '../api/schema'
import { devicesAsked } from '../words/terms'
import type { DeclaredTeam } from './documents'

/** A number of devices of a small chart; all bars of one chart have one scale. */
export interface NeedBar {
  readonly said: string
  readonly devices: number
  readonly kind: 'shown' | 'held' | 'asked'
}

/** Devices that a team is guaranteed in the clusters of terms, grants included; null where its declaration is not seen. */
export function guaranteedIn(terms: Terms, team: DeclaredTeam | undefined): number | null {
  if (!team) return null
  const clusters = new Set(terms.shares.map((each) => each.cluster))
  const places = team.placements.filter((each) => clusters.has(each.cluster))
  return places.reduce((sum, place) => sum + place.accelerators.reduce((one, each) => one + each.nominal, 0), 0)
}

/** What a team held of late beside what it is guaranteed and asks for. */
export function needBars(need: DemonstratedNeed, terms: Terms, guaranteed: number | null): readonly NeedBar[] {
  const asked = devicesAsked(terms)
  return [
    { said: 'held half of the time', devices: need.half, kind: 'shown' },
    { said: 'held in the busiest twentieth', devices: need.most, kind: 'shown' },
    ...(guaranteed === null ? [] : [{ said: 'guaranteed now', devices: guaranteed, kind: 'held' as const }]),
    { said: 'asked for', devices: asked, kind: 'asked' },
  ]
}

/** The same in words: shares of device-seconds, which say what bars of devices do not. */
export function needWords(need: DemonstratedNeed): string {
  const percent = (part: number, whole: number) => `${Math.floor((100 * part) / whole)} %`
  const used = need.granted ? `${percent(need.used, need.granted)} of what it had was used` : 'it was guaranteed nothing'
  const idle = need.idle === null ? 'idle time is not known: no telemetry' : need.used ? `${percent(need.idle, need.used)} of that idle` : ''
  return [used, idle].filter(Boolean).join(', ')
}
