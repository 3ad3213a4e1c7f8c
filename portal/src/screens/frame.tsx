import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { openOf } from '../answers/overview'
import { call } from '../api/client'
import { requests, status, whoami } from '../api/queries'
import { forgetSession } from '../api/session'
import { Palette } from '../parts/palette'
import { Sheet } from '../parts/sheet'
import { Toasts, sayTrouble } from '../parts/toasts'
import { useLive } from '../store/live'
import { useNow } from '../store/now'
import { choose, useSettings } from '../store/settings'
import { span } from '../words/format'
import { TopBalance } from './balance'
import { KEYS, useKeys } from './keys'
import { places, type Place } from './places'

/** What stands around every screen. */
export function Frame() {
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  const { data: me } = useQuery(whoami)
  const may = new Set(me?.permissions ?? [])
  useKeys({ palette: () => setPalette(true), help: () => setHelp(true), may: (permission) => may.has(permission) })
  const shown = places.filter((each) => !each.needs || may.has(each.needs))
  const { zone, theme } = useSettings()
  const side = useEntryInSight()
  // These are everybody's; what a screen offers besides is its own.
  const acts = [
    { said: zone === 'utc' ? 'Times of this computer' : 'Times in UTC', go: () => choose({ zone: zone === 'utc' ? 'local' : 'utc' }) },
    { said: theme === 'dark' ? 'Light colours' : 'Dark colours', go: () => choose({ theme: theme === 'dark' ? 'light' : 'dark' }) },
    { said: 'Keys', go: () => setHelp(true) },
    { said: 'Sign out', go: signOut },
  ]
  return (
    <div className="frame">
      <nav className="side" aria-label="Main" ref={side}>
        <Link to="/" className="mark">
          <img src="/mark.svg" alt="" />
          <span>Allotment</span>
        </Link>
        {(['work', 'platform'] as const).map((group) => (
          <Entries key={group} of={shown.filter((each) => each.group === group && !each.aside)} group={group} />
        ))}
        <p className="foot">{me ? `${me.platform} · ${me.version}` : ''}</p>
      </nav>
      <header className="top">
        <button type="button" className="act" onClick={() => setPalette(true)}>
          Search or go to <kbd>Ctrl K</kbd>
        </button>
        <span className="grow" />
        <TopBalance />
        <MadeUp asked={may.has('read')} />
        <StreamAge />
        <You name={me?.name ?? ''} roles={me?.roles ?? []} />
      </header>
      <main className="page" id="main" tabIndex={-1}>
        <div className="inner">
          <Outlet />
        </div>
      </main>
      {palette && <Palette places={shown} acts={acts} close={() => setPalette(false)} />}
      <Sheet title="Keys" open={help} close={() => setHelp(false)}>
        <dl className="facts">
          {KEYS.map(([key, does]) => (
            <div key={key} style={{ display: 'contents' }}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </Sheet>
      <Toasts />
    </div>
  )
}

/** Where one is can be seen, also where the menu is one line that is longer than the screen. */
function useEntryInSight() {
  const side = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  useEffect(() => {
    const nav = side.current
    if (!nav) return
    const show = () => nav.querySelector('[data-status=active]:not(.mark)')?.scrollIntoView({ block: 'nearest', inline: 'center' })
    show()
    // Whoever turns his telephone, or narrows a window, has another line.
    const watch = new ResizeObserver(show)
    watch.observe(nav)
    return () => watch.disconnect()
  }, [pathname])
  return side
}

function signOut(): void {
  void call('delete', '/api/v1/session').then(forgetSession, sayTrouble)
}

function Entries({ of, group }: { of: readonly Place[]; group: 'work' | 'platform' }) {
  const open = useOpen()
  if (!of.length) return null
  return (
    <>
      <h2>{group === 'work' ? 'Work' : 'Platform'}</h2>
      {of.map((each) => (
        <Link key={each.to} to={each.to} className="entry" activeOptions={{ exact: each.to === '/' }}>
          <span>{each.name}</span>
          {each.to === '/requests' && open > 0 && <span>{open}</span>}
        </Link>
      ))}
    </>
  )
}

/** Requests that wait for an answer: as many as the list has to which the entry leads. */
function useOpen(): number {
  const { data: asked } = useQuery(requests)
  return asked ? openOf(asked).length : 0
}

/** Whoever looks at a demo must not take it for his fleet. */
function MadeUp({ asked }: { asked: boolean }) {
  const { data } = useQuery({ ...status, enabled: asked })
  if (!data?.demo) return null
  return (
    <span className="state tone-wait" title={data.demo}>
      <span>
        Demo<span className="roomy">: all of it is made up</span>
      </span>
    </span>
  )
}

function StreamAge() {
  const { stream, lostAt, trouble } = useLive()
  const now = useNow(1000)
  if (stream !== 'lost' || lostAt === null || now - lostAt < 3000) return null
  return (
    <span className="state tone-wait">
      {/* Its age is not read out each second. */}
      <span>What is shown is {span(now - lostAt)} old</span>
      <span className="roomy" role="status">
        {trouble?.what ?? 'the server is asked again'}
      </span>
    </span>
  )
}

function You({ name, roles }: { name: string; roles: readonly string[] }) {
  const { zone, theme } = useSettings()
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" className="act plain" onClick={() => setOpen(true)}>
        {name || 'You'}
      </button>
      <Sheet title={name || 'You'} open={open} close={() => setOpen(false)}>
        {roles.length > 0 && <p className="faint">{roles.join(', ')}</p>}
        <div className="form">
          <div className="field">
            <label htmlFor="zone">Times</label>
            <select id="zone" value={zone} onChange={(event) => choose({ zone: event.target.value === 'utc' ? 'utc' : 'local' })}>
              <option value="local">of this computer</option>
              <option value="utc">UTC</option>
            </select>
          </div>
          <div className="field">
            <label htmlFor="theme">Colours</label>
            <select
              id="theme"
              value={theme}
              onChange={(event) => choose({ theme: event.target.value as 'system' | 'light' | 'dark' })}
            >
              <option value="system">of this computer</option>
              <option value="light">light</option>
              <option value="dark">dark</option>
            </select>
          </div>
        </div>
        <div className="acts">
          <button
            type="button"
            className="act"
            onClick={signOut}
          >
            Sign out
          </button>
        </div>
      </Sheet>
    </>
  )
}
