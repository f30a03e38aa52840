LOCK TABLE {{ schema | ident }}.{{ table | ident }}
