import type { OtherTerms, Terms } from '../api/schema'
import { plural, span } from '../words/format'
import { devicesAsked, lastsOf } from '../words/terms'

const HOUR = 3_600_000

/** What a form says that is to be different; null, or empty, for what stays. */
export interface OtherWish {
  readonly devices: number | null
  readonly hours: number | null
  readonly accelerator: string
  /** With commas in between. */
  readonly clusters: string
}

export const NOTHING_ELSE: OtherWish = { devices: null, hours: null, accelerator: '', clusters: '' }

/** What is different from the terms on the table; null where nothing is. */
export function otherTerms(wish: OtherWish, table: Terms): OtherTerms | null {
  const lasts = wish.hours ? Math.round(wish.hours * HOUR) : null
  const clusters = wish.clusters.split(',').map((each) => each.trim()).filter(Boolean)
  const other: OtherTerms = {
    devices: wish.devices !== null && wish.devices !== devicesAsked(table) ? wish.devices : null,
    lasts: lasts !== null && lasts !== lastsOf(table) ? lasts : null,
    accelerator: wish.accelerator.trim() || null,
    clusters: clusters.length ? clusters : null,
  }
  return Object.values(other).some((each) => each !== null) ? other : null
}

/** Why it is no part of what is on the table, in words; empty where it is one. */
export function outOfBounds(wish: OtherWish, table: Terms): string {
  const devices = devicesAsked(table)
  const lasts = lastsOf(table)
  if (wish.devices !== null && wish.devices > devices) return `That is more than the ${plural(devices, 'GPU')} that were asked for`
  if (lasts !== null && wish.hours !== null && wish.hours * HOUR > lasts) return `That is longer than the ${span(lasts)} that were asked for`
  return ''
}
