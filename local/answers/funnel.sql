-- How far sessions came, from a listing viewed to an order placed
WITH viewed AS (SELECT DISTINCT session_id FROM marketplace.listing_viewed),
added AS (
    SELECT DISTINCT viewed.session_id
    FROM marketplace.cart_item_added AS added_item
    INNER JOIN viewed ON added_item.session_id = viewed.session_id
),
checked_out AS (
    SELECT DISTINCT added.session_id
    FROM marketplace.checkout_started AS checkout
    INNER JOIN added ON checkout.session_id = added.session_id
),
ordered AS (
    SELECT DISTINCT checked_out.session_id
    FROM marketplace.order_placed AS placed
    INNER JOIN checked_out ON placed.session_id = checked_out.session_id
),
steps AS (
    SELECT 1 AS step, 'listing viewed' AS reached, COUNT(*) AS sessions FROM viewed
    UNION ALL
    SELECT 2 AS step, 'added to cart' AS reached, COUNT(*) AS sessions FROM added
    UNION ALL
    SELECT 3 AS step, 'checkout started' AS reached, COUNT(*) AS sessions FROM checked_out
    UNION ALL
    SELECT 4 AS step, 'order placed' AS reached, COUNT(*) AS sessions FROM ordered
)
SELECT
    reached,
    sessions,
    ROUND(100.0 * sessions / NULLIF((SELECT COUNT(*) FROM viewed), 0), 1) AS percent_of_viewed
FROM steps
ORDER BY step;
