"""The crawling process: Scrapy, its spider and middlewares, and the folder through which it reports."""
