import { useQuery } from '@tanstack/react-query'
import {
  Beaker,
  Database,
  FlaskConical,
  Gauge,
  type LucideIcon,
  Moon,
  Package,
  Radio,
  Rocket,
  Scale,
  ScrollText,
  Search,
  Shapes,
  Sun,
  Trophy,
  Users,
  Waves,
  Webhook,
  Workflow,
} from 'lucide-react'
import { Suspense, useEffect, useRef, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { overview } from './api.ts'
import styles from './App.module.css'
import { clockOf, date, exact } from './format.ts'
import { Boundary } from './kit/Boundary.tsx'
import { useDomainClock, useReplaySpeed } from './kit/clock.ts'
import { CommandPalette } from './kit/CommandPalette.tsx'
import { KeyHelp } from './kit/KeyHelp.tsx'
import { pages, useKeys } from './kit/keys.ts'
import { useConnection, useStream } from './live.ts'
import { Pages } from './Pages.tsx'
import { NoRole } from './people/NoRole.tsx'
import { Who } from './people/Who.tsx'
import { toggleTheme, useTheme } from './theme.ts'

const icons: Record<(typeof pages)[number]['href'], LucideIcon> = {
  '/': Gauge,
  '/runs': FlaskConical,
  '/experiments': Beaker,
  '/pipelines': Workflow,
  '/models': Package,
  '/benchmarks': Trophy,
  '/deployments': Rocket,
  '/monitoring': Radio,
  '/datasets': Database,
  '/features': Shapes,
  '/decisions': Scale,
  '/audit': ScrollText,
  '/webhooks': Webhook,
  '/people': Users,
}

export function App() {
  useStream()
  const [path, go] = useLocation()
  const [shown, show] = useState<'search' | 'help' | undefined>()
  useKeys({ go, search: () => show('search'), help: () => show('help') })
  return (
    <div className={styles['shell']}>
      <a className={styles['skip']} href="#main">
        Skip to the page
      </a>
      <Side />
      <div>
        <Top onSearch={() => show('search')} />
        <main id="main" tabIndex={-1}>
          <Boundary key={path}>
            <Suspense>
              <NoRole>
                <Pages />
              </NoRole>
            </Suspense>
          </Boundary>
        </main>
      </div>
      {shown === 'search' && <CommandPalette go={go} onClose={() => show(undefined)} />}
      {shown === 'help' && <KeyHelp onClose={() => show(undefined)} />}
    </div>
  )
}

function Side() {
  const [path] = useLocation()
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    const here = list.current?.querySelector<HTMLElement>('[aria-current]')
    if (here && list.current)
      list.current.scrollLeft = here.offsetLeft - list.current.clientWidth / 2 + here.clientWidth / 2
  }, [path])
  return (
    <nav className={styles['side']} aria-label="Main">
      <div className={styles['stuck']}>
        <div className={styles['brand']}>
          <Waves size={18} aria-hidden /> Tidemill
        </div>
        <div className={styles['nav']}>
          <ul ref={list}>
            {pages.map((page) => {
              const Icon = icons[page.href]
              const here =
                page.href === '/'
                  ? path === '/'
                  : path.startsWith(page.href) ||
                    (page.href === '/pipelines' && path.startsWith('/pipeline-runs'))
              return (
                <li key={page.href}>
                  <Link href={page.href} {...(here ? { 'aria-current': 'page' } : {})}>
                    <Icon size={15} aria-hidden /> {page.name}
                  </Link>
                </li>
              )
            })}
          </ul>
        </div>
        <p className={styles['foot']}>
          Press <kbd>?</kbd> for keys
        </p>
      </div>
    </nav>
  )
}

function Top({ onSearch }: { onSearch: () => void }) {
  const connection = useConnection()
  const theme = useTheme()
  return (
    <header className={styles['top']}>
      <button type="button" className={styles['search']} onClick={onSearch}>
        <Search size={14} aria-hidden /> <span>Search</span> <kbd aria-hidden>⌘K</kbd>
      </button>
      <span role="status" className={`${styles['status']} ${connection === 'away' ? styles['away'] : ''}`}>
        {connection === 'away' && 'The server is away; this is the last known state'}
        {connection === 'back' && 'The server is back'}
      </span>
      <ReplayClock />
      <Who />
      <button
        type="button"
        className={styles['icon']}
        onClick={toggleTheme}
        aria-label={theme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
      >
        {theme === 'dark' ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
      </button>
    </header>
  )
}

function ReplayClock() {
  // The one poll of the page: the domain clock moves also when nothing else happens.
  useQuery({ ...overview(), refetchInterval: 5000 })
  const clock = useDomainClock()
  const speed = useReplaySpeed(clock)
  if (!clock.replay) return null
  const pace =
    speed < 1 ? 'standing' : `×${speed >= 1000 ? `${Math.round(speed / 1000)}k` : Math.round(speed)}`
  return (
    <span className={styles['clock']} title={`The domain clock of the replay: ${exact(clock.nowMs)}`}>
      <time dateTime={new Date(clock.nowMs).toISOString()}>
        {date(clock.nowMs)} {clockOf(clock.nowMs)}
      </time>
      <span className={styles['replay']}>replay {pace}</span>
    </span>
  )
}
