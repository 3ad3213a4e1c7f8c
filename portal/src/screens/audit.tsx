import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { trailPage } from '../api/queries'
import type { ToldEntry } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { Person } from '../parts/work'
import { Chain } from './chain'
import { State } from '../parts/state'
import { type ListSearch, useList } from '../store/list'
import { rangeOf, within } from '../store/range'
import { plural } from '../words/format'
import type { StateLook } from '../words/states'
import { TimeChoice } from './filters'

const OUTCOME: Readonly<Record<string, StateLook>> = {
  done: { word: 'done', tone: 'good', shape: 'check' },
  denied: { word: 'denied', tone: 'bad', shape: 'cross' },
}

/** Who did what, when, from where, and what came of it; newest first. */
export function Audit() {
  const [search, change] = useList()
  const query = useInfiniteQuery({
    queryKey: ['audit', search.who, search.verb, search.team, search.about, search.outcome, search.since],
    queryFn: ({ pageParam }) => trailPage(wantedOf(search), pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.before ?? null,
    refetchInterval: 30_000,
  })
  const source = sourceOf(query)
  const range = rangeOf({ until: search.until }, Date.now())
  const rows = (query.data?.pages.flatMap((each) => each.rows) ?? []).filter((each) => within(each.at ?? null, range))
  const columns = columnsOf(rows)
  const opened = rows.find((each) => String(each.number) === search.entry)
  const toggle = (number: number) => change({ entry: search.entry === String(number) ? '' : String(number) })
  const field = (name: 'who' | 'verb' | 'team' | 'about', placeholder: string) => (
    <input
      className="search"
      aria-label={placeholder}
      placeholder={placeholder}
      defaultValue={search[name] ?? ''}
      key={`${name}${search[name] ?? ''}`}
      onBlur={(event) => change({ [name]: event.target.value.trim() })}
      onKeyDown={(event) => event.key === 'Enter' && change({ [name]: event.currentTarget.value.trim() })}
    />
  )
  return (
    <>
      <div className="head">
        <h1>Audit trail</h1>
        <div className="filters">
          {field('who', 'Who')}
          {field('verb', 'Act: job.stop')}
          {field('about', 'About')}
          {field('team', 'Team')}
          {Object.entries(OUTCOME).map(([name, look]) => (
            <button key={name} type="button" className="chip" aria-pressed={search.outcome === name} onClick={() => change({ outcome: search.outcome === name ? '' : name })}>
              <State of={look} />
            </button>
          ))}
          <TimeChoice of="Done" />
        </div>
      </div>
      {opened && <Opened of={opened} close={() => change({ entry: '' })} />}
      <Panel
        title={query.data ? `${query.hasNextPage ? 'The newest ' : ''}${plural(rows.length, 'act')}${query.hasNextPage ? '; older ones below' : ''}` : 'Acts'}
        source={source}
        flush
        acts={
          <>
            <CopyCommand command={commandOf(search)} />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={() =>
          rows.length ? null : (
            <>
              <strong>Nothing like that was done</strong>
              <button type="button" className="act" onClick={() => change({ who: '', verb: '', about: '', team: '', outcome: '', since: '', until: '' })}>
                Show all
              </button>
            </>
          )
        }
      >
        {() => (
          <>
            <Grid label="Acts" rows={rows} columns={columns} keyOf={(each) => String(each.number)} usual="-at" given="usual" open={(each) => toggle(each.number)} here={search.entry ?? ''} />
            {query.hasNextPage && (
              <div className="note">
                <button type="button" className="act" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {query.isFetchingNextPage ? 'Reading older acts' : 'Older acts'}
                </button>
              </div>
            )}
          </>
        )}
      </Panel>
      <Chain />
    </>
  )
}

function wantedOf(search: ListSearch) {
  const { from } = rangeOf(search, Date.now())
  return {
    ...(search.who ? { who: search.who } : {}),
    ...(search.verb ? { verb: search.verb } : {}),
    ...(search.team ? { team: search.team } : {}),
    ...(search.about ? { about: search.about } : {}),
    ...(search.outcome ? { outcome: search.outcome } : {}),
    ...(from === null ? {} : { since: from }),
  }
}

function commandOf(search: ListSearch): string {
  const words = ['allot audit search']
  for (const name of ['who', 'verb', 'team', 'about', 'outcome', 'since'] as const) {
    const value = search[name]
    // Of acts the command says what was done.
    if (value) words.push(`--${name === 'verb' ? 'did' : name} ${shellWord(value)}`)
  }
  return words.join(' ')
}

const aboutOf = (each: ToldEntry) => each.name || each.subject || ''

/** Reasons have a column where one is given. */
function columnsOf(rows: readonly ToldEntry[]): readonly Column<ToldEntry>[] {
  const reasons = rows.some((each) => each.why)
  return COLUMNS.map((each) => (each.id === 'why' ? { ...each, more: !reasons } : each))
}

const COLUMNS: readonly Column<ToldEntry>[] = [
  {
    id: 'at',
    head: 'When',
    width: '64px',
    whole: true,
    sort: (each) => each.at ?? null,
    cell: (each) => (each.at == null ? `entry ${each.number}` : <Moment at={each.at} />),
  },
  {
    id: 'who',
    head: 'Who',
    width: '22%',
    card: 'title',
    sort: (each) => each.who ?? null,
    cell: (each) => (each.damaged ? <span className="tone-bad">cannot be read: {each.damaged}</span> : <EntryLink of={each} />),
    title: (each) => each.who ?? '',
  },
  { id: 'verb', head: 'Act', width: '128px', whole: true, sort: (each) => each.verb ?? null, cell: (each) => <span className="mono">{each.verb}</span> },
  {
    id: 'outcome',
    head: 'Outcome',
    width: '88px',
    card: 'badge',
    sort: (each) => each.outcome ?? null,
    cell: (each) => (OUTCOME[each.outcome ?? ''] ? <State of={OUTCOME[each.outcome ?? ''] as StateLook} /> : each.outcome),
  },
  { id: 'about', head: 'About', roomy: true, sort: (each) => aboutOf(each), cell: (each) => <About of={each} />, title: (each) => [each.subject, each.name].filter(Boolean).join(' ') },
  { id: 'team', head: 'Team', width: '96px', roomy: true, whole: true, sort: (each) => each.team || null, cell: (each) => each.team },
  { id: 'why', head: 'Why', roomy: true, card: 'whole', sort: (each) => each.why || null, cell: (each) => each.why, title: (each) => each.why ?? '' },
  { id: 'whence', head: 'From where', width: '14%', roomy: true, wide: true, card: 'none', sort: (each) => each.whence ?? null, cell: (each) => <span className="faint">{each.whence}</span>, title: (each) => each.whence ?? '' },
]

function EntryLink({ of }: { of: ToldEntry }) {
  const [search, change] = useList()
  const opened = search.entry === String(of.number)
  return (
    <button type="button" className="link" aria-expanded={opened} onClick={() => change({ entry: opened ? '' : String(of.number) })}>
      <Person of={of.who ?? ''} />
    </button>
  )
}

function About({ of }: { of: ToldEntry }) {
  const job = /^job\/(.+)$/.exec(of.subject ?? '')?.[1]
  if (!job) return <>{aboutOf(of)}</>
  return (
    <Link to="/jobs/$id" params={{ id: job }}>
      {of.name || job}
    </Link>
  )
}

/** All that the trail keeps of one act. */
function Opened({ of, close }: { of: ToldEntry; close: () => void }) {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['About', of.subject],
    ['From where', of.whence],
    ['Why', of.why],
    ...(of.details ?? []).map((each) => [each.name, each.value] as const),
    ['Digest', of.digest],
  ]
  return (
    <section className="panel" aria-label={`Entry ${of.number}`}>
      <header>
        <h2>
          Entry {of.number}: {of.verb} by {of.who}
        </h2>
        <span className="grow" />
        <button type="button" className="act plain" aria-label="Close" onClick={close}>
          ×
        </button>
      </header>
      <div className="body">
        <dl className="facts">
          {facts
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <div key={name} style={{ display: 'contents' }}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
        </dl>
      </div>
    </section>
  )
}
