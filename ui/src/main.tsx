import './tokens.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { base, queryClient } from './api.ts'
import { App } from './App.tsx'
import { pageOfMlflowAddress } from './mlflow-address.ts'
import { InvitePage } from './people/InvitePage.tsx'
import { SignInPage } from './people/SignInPage.tsx'

function openMlflowAddress(): void {
  const page = pageOfMlflowAddress(location.hash)
  if (page !== undefined) history.replaceState(null, '', base + page)
}

openMlflowAddress()
window.addEventListener('hashchange', openMlflowAddress)

/** The pages for who is not inside yet stand alone; all others are in the shell. */
function Start() {
  if (location.pathname === '/sign-in') return <SignInPage />
  if (location.pathname === '/invite') return <InvitePage />
  return (
    <Router base={base}>
      <App />
    </Router>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Start />
    </QueryClientProvider>
  </StrictMode>,
)
