import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import './styles/views.css';
import './styles/live.css';
import './styles/lookup.css';

const root = document.getElementById('page');
if (root !== null) render(<App />, root);
