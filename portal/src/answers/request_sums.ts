import type { GrantRequest } from '../api/schema'
import { devicesAsked } from '../words/terms'

/** What several requests come to. */
export interface RequestSums {
  readonly requests: number
  readonly teams: number
  readonly devices: number
  /** Millionths of the currency, of those whose price is known. */
  readonly price: number
  /** Requests whose price is not known. */
  readonly unpriced: number
}

export function sumsOf(requests: readonly GrantRequest[]): RequestSums {
  return {
    requests: requests.length,
    teams: new Set(requests.map((each) => each.wish.team)).size,
    devices: requests.reduce((sum, each) => sum + devicesAsked(each.terms), 0),
    price: requests.reduce((sum, each) => sum + (each.terms.price ?? 0), 0),
    unpriced: requests.filter((each) => each.terms.price === null).length,
  }
}
