import type { InvalidateQueryFilters, QueryClient } from '@tanstack/react-query'

/**
 * What was answered is old: it is asked for again by whoever shows it.
 *
 * An answer that is still on its way may be as old, and is what a query without any data waits for even so: it is
 * asked for once more when that has come. What is given back ends when what was asked for at once has come.
 */
export function askAgain(queries: QueryClient, which?: InvalidateQueryFilters): Promise<void> {
  for (const each of queries.getQueryCache().findAll({ ...which, fetchStatus: 'fetching' })) {
    if (each.state.data !== undefined) continue
    const again = () => void queries.invalidateQueries({ queryKey: each.queryKey, exact: true })
    void each.promise?.then(again, again)
  }
  return queries.invalidateQueries(which)
}
