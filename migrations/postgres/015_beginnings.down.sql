DROP TABLE beginnings;
DROP FUNCTION refuse_beginnings_change();
