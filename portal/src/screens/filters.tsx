import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ownViews, teamsOf } from '../answers/own'
import type { Where } from '../answers/queries'
import { status, whoami } from '../api/queries'
import type { Visitor } from '../api/schema'
import { type ListSearch, useList } from '../store/list'
import { fieldOf, rangeOf, saidOf, SPANS } from '../store/range'
import { useZone } from '../store/settings'

/** Whose view an answer has where the address says none: who is of several teams alone has to name one. */
export function usualView(me: Pick<Visitor, 'roles'> | undefined): string | undefined {
  return ownViews(me)[0]
}

export function useWhere(search: ListSearch): Where {
  const me = useQuery(whoami).data
  return { view: search.view ?? usualView(me), cluster: search.cluster }
}

/** What a screen shows can be narrowed to: a text, a cluster, a team's view. */
export function Filters({
  text,
  clusters,
  views = true,
  children,
}: {
  text?: string
  clusters?: readonly string[]
  /** Whether it is another for another team. */
  views?: boolean
  children?: ReactNode
}) {
  const [search, change] = useList()
  return (
    <div className="filters">
      {text && (
        <input
          className="search"
          aria-label="Filter"
          placeholder={text}
          value={search.q ?? ''}
          onChange={(event) => change({ q: event.target.value }, 'typing')}
        />
      )}
      {clusters && <Choice label="Cluster" every="every cluster" values={clusters} value={search.cluster} pick={(cluster) => change({ cluster })} />}
      {views && <ViewChoice />}
      {children}
    </div>
  )
}

export function Choice({
  label,
  every,
  values,
  value,
  pick,
}: {
  label: string
  every: string
  values: readonly string[]
  value: string | undefined
  pick: (value: string) => void
}) {
  if (values.length < 2 && !value) return null
  const known = value && !values.includes(value) ? [value, ...values] : values
  return (
    <select className="chip" aria-label={label} data-set={value ? '' : undefined} value={value ?? ''} onChange={(event) => pick(event.target.value)}>
      <option value="">{every}</option>
      {known.map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  )
}

/** With whose eyes: administrators may look as any team does. */
function ViewChoice() {
  const [search, change] = useList()
  const me = useQuery(whoami).data
  const told = useQuery(status).data
  const sole = usualView(me)
  const values = sole ? teamsOf(me?.roles ?? []) : (told?.teams ?? [])
  if (!me || (values.length < 2 && !search.view)) return null
  return (
    <select className="chip" aria-label="View of" data-set={search.view ? '' : undefined} value={search.view ?? sole ?? ''} onChange={(event) => change({ view: event.target.value })}>
      {!sole && <option value="">seen by all</option>}
      {values.map((each) => (
        <option key={each} value={each}>
          as {each} sees it
        </option>
      ))}
    </select>
  )
}

/** One thing that is chosen, which is let go with a click. */
export function Chosen({ said, drop }: { said: string; drop: () => void }) {
  return (
    <button type="button" className="chip" aria-pressed onClick={drop}>
      {said} ×
    </button>
  )
}

/** From when until when: a span up to now, or two moments that stay the same for whoever gets the address. */
export function TimeChoice({ of }: { of: string }) {
  const [search, change] = useList()
  const zone = useZone()
  const fixed = Boolean(search.until || (search.since && !SPANS[search.since]))
  const { from, to } = rangeOf(search, Date.now())
  const field = (label: string, at: number | null, name: 'since' | 'until') => (
    <label>
      {label}{' '}
      <input
        type="datetime-local"
        aria-label={`${of} ${label}`}
        value={fieldOf(at, zone)}
        onChange={(event) => change({ since: fixed ? (search.since ?? '') : '', [name]: saidOf(event.target.value, zone) })}
      />
    </label>
  )
  return (
    <>
      <select
        className="chip"
        aria-label={of}
        data-set={search.since || search.until ? '' : undefined}
        value={fixed ? 'fixed' : (search.since ?? '')}
        onChange={(event) => {
          const said = event.target.value
          change(said === 'fixed' ? { since: saidOf(fieldOf(from ?? Date.now() - SPANS['24h']!, zone), zone), until: '' } : { since: said, until: '' })
        }}
      >
        <option value="">{of.replace(/ since$/, '')} at any time</option>
        {Object.keys(SPANS).map((each) => (
          <option key={each} value={each}>
            in the last {each}
          </option>
        ))}
        <option value="fixed">between</option>
      </select>
      {fixed && (
        <span className="between">
          {field('from', from, 'since')} {field('to', to, 'until')}
        </span>
      )}
    </>
  )
}
