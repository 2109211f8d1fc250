ALTER TABLE markets DROP COLUMN min_notional;
