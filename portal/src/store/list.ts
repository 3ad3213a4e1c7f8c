import { useNavigate, useSearch } from '@tanstack/react-router'

/** The part of an address that says what a list shows; each screen reads what it has. */
export interface ListSearch {
  readonly q?: string
  /** Group of states, such as `failed`. */
  readonly state?: string
  readonly team?: string
  readonly owner?: string
  readonly backend?: string
  /** Column that it is sorted by; the largest first with `-` before it. */
  readonly sort?: string
  /** Columns that are shown, with commas in between; the usual ones without it. */
  readonly cols?: string
  readonly cluster?: string
  readonly view?: string
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
  /** From when on: a span up to now, such as `24h`, or a moment. */
  readonly since?: string
  /** Until when: a moment. */
  readonly until?: string
  /** Whether what is over is shown, too. */
  readonly show?: string
  readonly as?: string
  /** Of a quota that is to be another: devices, and bounds in digits or `none`. */
  readonly nominal?: string
  readonly borrowing?: string
  readonly lending?: string
  /** Changes that are tried, with spaces in between. */
  readonly change?: string
  /** Of the audit trail: its number. */
  readonly entry?: string
}

const NAMES = [
  'q', 'state', 'team', 'owner', 'backend', 'sort', 'cols', 'cluster', 'view', 'person', 'accelerator', 'kind', 'node', 'by',
  'resource', 'closed', 'verb', 'outcome', 'about', 'who', 'since', 'until', 'show', 'as', 'entry', 'nominal', 'borrowing',
  'lending', 'change',
] as const satisfies readonly (keyof ListSearch)[]

export function listSearch(given: Record<string, unknown>): ListSearch {
  const said = NAMES.flatMap((name) => {
    const value = given[name]
    return (typeof value === 'string' || typeof value === 'number') && value !== '' ? [[name, String(value)] as const] : []
  })
  return Object.fromEntries(said)
}

/** What the address says, and a way to have it say something else; typing leaves no trail of pages behind. */
export function useList(): readonly [ListSearch, (some: Partial<ListSearch>, typing?: 'typing') => void] {
  const search = useSearch({ strict: false }) as ListSearch
  const navigate = useNavigate()
  const change = (some: Partial<ListSearch>, typing?: 'typing') =>
    void navigate({ to: '.', search: listSearch({ ...search, ...some }) as never, replace: typing !== undefined })
  return [search, change]
}
