DROP TABLE {{ stage | ident }}
