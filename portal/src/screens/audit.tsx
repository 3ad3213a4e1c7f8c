import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { trailPage } from '../api/queries'
import type { ToldEntry } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { widthsOf } from '../parts/grid'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { State } from '../parts/state'
import { type ListSearch, useList } from '../store/list'
import { plural } from '../words/format'
import type { StateLook } from '../words/states'
import { useRowKeys } from './row_keys'

const OUTCOME: Readonly<Record<string, StateLook>> = {
  done: { word: 'done', tone: 'good', shape: 'check' },
  denied: { word: 'denied', tone: 'bad', shape: 'cross' },
}
const HOUR = 3_600_000
const TIMES: Readonly<Record<string, number>> = { '1h': HOUR, '24h': 24 * HOUR, '7d': 7 * 24 * HOUR }

/** Who did what, when, from where, and what came of it; newest first. */
export function Audit() {
  const [search, change] = useList()
  const query = useInfiniteQuery({
    queryKey: ['audit', search],
    queryFn: ({ pageParam }) => trailPage(wantedOf(search), pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.before ?? null,
    refetchInterval: 30_000,
  })
  const source = sourceOf(query)
  const rows = query.data?.pages.flatMap((each) => each.rows) ?? []
  const [opened, setOpened] = useState<number | null>(null)
  const here = useRowKeys(rows, (row) => setOpened((now) => (now === row.number ? null : row.number)))
  const field = (name: 'who' | 'verb' | 'team' | 'about', placeholder: string) => (
    <input
      className="search"
      style={{ width: 150 }}
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
          {field('verb', 'Act, such as job.stop')}
          {field('about', 'About')}
          {field('team', 'Team')}
          {Object.entries(OUTCOME).map(([name, look]) => (
            <button key={name} type="button" className="chip" aria-pressed={search.outcome === name} onClick={() => change({ outcome: search.outcome === name ? '' : name })}>
              <State of={look} />
            </button>
          ))}
          <select className="chip" aria-label="Since" value={search.since ?? ''} onChange={(event) => change({ since: event.target.value })}>
            <option value="">all time</option>
            {Object.keys(TIMES).map((each) => (
              <option key={each} value={each}>
                last {each}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Panel
        title={query.data ? `${query.hasNextPage ? 'The newest ' : ''}${plural(rows.length, 'act')}` : 'Acts'}
        source={source}
        flush
        acts={<CopyCommand command={commandOf(search)} />}
        truncated={() => (query.hasNextPage ? `the newest ${rows.length}; older ones are further down` : null)}
        empty={() =>
          rows.length ? null : (
            <>
              <strong>Nothing like that was done</strong>
              <button type="button" className="act" onClick={() => change({ who: '', verb: '', about: '', team: '', outcome: '', since: '' })}>
                Show all
              </button>
            </>
          )
        }
      >
        {() => (
          <div className="scroll grid">
            <table className="table" aria-label="Acts">
              <thead>
                <tr>
                  <th style={widthsOf(132, '60px')}>When</th>
                  <th style={{ width: '20%' }}>Who</th>
                  <th style={widthsOf(128, '92px')}>Act</th>
                  <th style={widthsOf(88, '80px')}>Outcome</th>
                  <th className="roomy" style={{ width: '18%' }}>
                    About
                  </th>
                  <th className="roomy" style={{ width: '10%' }}>
                    Team
                  </th>
                  <th className="roomy">Why</th>
                  <th className="roomy" style={{ width: '14%' }}>
                    From where
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map((each, number) => (
                  <Entry
                    key={each.number}
                    of={each}
                    here={number === here}
                    opened={opened === each.number}
                    open={() => setOpened((now) => (now === each.number ? null : each.number))}
                  />
                ))}
              </tbody>
            </table>
            {query.hasNextPage && (
              <div className="note">
                <button type="button" className="act" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {query.isFetchingNextPage ? 'Reading older acts' : 'Older acts'}
                </button>
              </div>
            )}
          </div>
        )}
      </Panel>
    </>
  )
}

function wantedOf(search: ListSearch) {
  const since = TIMES[search.since ?? '']
  return {
    ...(search.who ? { who: search.who } : {}),
    ...(search.verb ? { verb: search.verb } : {}),
    ...(search.team ? { team: search.team } : {}),
    ...(search.about ? { about: search.about } : {}),
    ...(search.outcome ? { outcome: search.outcome } : {}),
    ...(since ? { since: Date.now() - since } : {}),
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

function Entry({ of, here, opened, open }: { of: ToldEntry; here: boolean; opened: boolean; open: () => void }) {
  if (of.damaged)
    return (
      <tr className={here ? 'here' : ''}>
        <td colSpan={8} className="tone-bad">
          entry {of.number} cannot be read: {of.damaged}
        </td>
      </tr>
    )
  const job = /^job\/(.+)$/.exec(of.subject ?? '')?.[1]
  return (
    <>
      <tr className={here ? 'here' : ''}>
        <td className="faint">
          <Moment at={of.at ?? 0} />
        </td>
        <td title={of.who}>
          <button type="button" className="link" aria-expanded={opened} onClick={open}>
            {of.who}
          </button>
        </td>
        <td className="mono">{of.verb}</td>
        <td>{OUTCOME[of.outcome ?? ''] ? <State of={OUTCOME[of.outcome ?? ''] as StateLook} /> : of.outcome}</td>
        <td className="roomy" title={[of.subject, of.name].filter(Boolean).join(' ')}>
          {job ? (
            <Link to="/jobs/$id" params={{ id: job }}>
              {of.name || job}
            </Link>
          ) : (
            of.name || of.subject
          )}
        </td>
        <td className="roomy">{of.team}</td>
        <td className="roomy" title={of.why}>
          {of.why}
        </td>
        <td className="roomy faint" title={of.whence}>
          {of.whence}
        </td>
      </tr>
      {opened && (
        <tr>
          <td colSpan={8} className="two-lines">
            <dl className="facts" style={{ padding: '8px 0' }}>
              <dt>Entry</dt>
              <dd>{of.number}</dd>
              <dt>About</dt>
              <dd className="mono">{of.subject}</dd>
              <dt>From where</dt>
              <dd>{of.whence}</dd>
              {of.why && (
                <>
                  <dt>Why</dt>
                  <dd>{of.why}</dd>
                </>
              )}
              {(of.details ?? []).map((each) => (
                <div key={each.name} style={{ display: 'contents' }}>
                  <dt>{each.name}</dt>
                  <dd>{each.value}</dd>
                </div>
              ))}
              <dt>Digest</dt>
              <dd className="mono">{of.digest}</dd>
            </dl>
          </td>
        </tr>
      )}
    </>
  )
}
