import { useNavigate, useSearch } from '@tanstack/react-router'

/** The part of an address that says what a list shows; each screen reads what it has. */
export interface ListSearch {
  readonly q?: string
  /** Column that it is sorted by; the largest first with `-` before it. */
  readonly sort?: string
  /** Columns that are shown, with commas in between; the usual ones without it. */
  readonly cols?: string
  readonly cluster?: string
  readonly view?: string
  readonly team?: string
  readonly person?: string
  readonly accelerator?: string
  readonly kind?: string
  readonly node?: string
  readonly by?: string
  readonly resource?: string
  readonly closed?: string
  readonly verb?: string
  readonly outcome?: string
  readonly about?: string
  readonly who?: string
  readonly since?: string
  readonly as?: string
  readonly show?: string
}

const NAMES = [
  'q', 'sort', 'cols', 'cluster', 'view', 'team', 'person', 'accelerator', 'kind', 'node', 'by', 'resource', 'closed', 'verb',
  'outcome', 'about', 'who', 'since', 'as', 'show',
] as const satisfies readonly (keyof ListSearch)[]

export function listSearch(given: Record<string, unknown>): ListSearch {
  const said = NAMES.flatMap((name) => {
    const value = given[name]
    return (typeof value === 'string' || typeof value === 'number') && value !== '' ? [[name, String(value)] as const] : []
  })
  return Object.fromEntries(said)
}

/** What the address says, and a way to have it say something else; typing leaves no trail of pages behind. */
export function useList(): readonly [ListSearch, (some: Partial<ListSearch>) => void] {
  const search = useSearch({ strict: false }) as ListSearch
  const navigate = useNavigate()
  const change = (some: Partial<ListSearch>) =>
    void navigate({ to: '.', search: listSearch({ ...search, ...some }) as never, replace: 'q' in some })
  return [search, change]
}
