import type { GrantMove, RequestMove } from '../answers/request_acts'

const ACTS = ['approve', 'counter', 'deny', 'accept', 'withdraw', 'end', 'restore', 'keep'] as const satisfies readonly (RequestMove | GrantMove)[]

/** What an address says is to be done with a request, or its grant; it is asked about once more. */
export interface RequestSearch {
  readonly act?: (typeof ACTS)[number]
}

export function requestSearch(given: Record<string, unknown>): RequestSearch {
  const act = ACTS.find((each) => each === given['act'])
  return act ? { act } : {}
}
