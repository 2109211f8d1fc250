DROP TABLE markets;
DROP TABLE currencies;
