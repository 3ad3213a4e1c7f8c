/** Of which job another is to be written. */
export interface SubmitSearch {
  readonly from?: string
}

export function submitSearch(given: Record<string, unknown>): SubmitSearch {
  return typeof given['from'] === 'string' && given['from'] ? { from: given['from'] } : {}
}
